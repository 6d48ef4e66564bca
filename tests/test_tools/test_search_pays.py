"""`benchmarks/search_pays.py`: who is trained with what, how the work is shared, and when a search is said to pay."""
import errno
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import runs
import search_pays

from mmfusenas.core.errors import UserError
from mmfusenas.nas import Genotype


def leave_genotype(folder, parameters):
    Genotype(choices={}, costs=dict(parameters=parameters)).save(folder / 'genotype.json')
    (folder / 'retrain.py').write_text('')


@pytest.fixture
def pays(monkeypatch, tmp_path, capsys):
    """Run the script with tools that leave what real ones do; the score of a network is a function of its folder."""
    asked = []

    def run(*arguments, score=lambda kind, number, seed: 0.0):
        def tool(name, config, *rest):
            asked.append((name, config, *rest))
            folder = Path(rest[rest.index('--work-dir') + 1])
            folder.mkdir(parents=True, exist_ok=True)
            if name == 'test':
                (kind, number), seed = folder.parent.parent.name.split('-'), folder.parent.name.split('-')[1]
                Path(rest[rest.index('--out') + 1]).write_text(json.dumps(
                    {'fusion/VIF': score(kind, int(number), int(seed)), 'fusion/MI': 2.0}))
            elif name == 'train':
                (folder / 'last_checkpoint').write_text('/elsewhere/epoch_1.pth')
                if not config.endswith('retrain.py'):
                    leave_genotype(folder, 1000.0 * (1 + int(folder.name.split('-')[-1])) if 'found' in folder.name
                                   else 0)
            else:
                leave_genotype(folder, float(rest[rest.index('--parameters') + 1]))
            return ''

        monkeypatch.setattr(runs, 'tool', tool)
        monkeypatch.setattr(sys, 'argv', ['search_pays.py', '--work-dir', str(tmp_path / 'work'), *arguments])
        asked.clear()
        search_pays.main()
        return list(asked), capsys.readouterr().out

    return run


SMALL = ('--searches', '2', '--random', '3', '--seeds', '2')


def test_random_networks_have_the_size_of_found_ones_and_all_have_the_same_seeds(pays):
    asked, _ = pays('--system', 'fusion', *SMALL, '--search-options', 'a=1', '--train-options', 'b=2')
    searches = [call for call in asked if call[:2] == ('train', 'configs/tim/fusion_search_demo.py')]
    assert [call[-2:] for call in searches] == [('randomness.seed=0', 'a=1'), ('randomness.seed=1', 'a=1')]
    drawn = [call for call in asked if call[0].endswith('sample_genotype')]
    sizes = [tuple(map(float, call[call.index('--parameters') + 1:][:2])) for call in drawn]
    assert sizes == [pytest.approx((900, 1100)), pytest.approx((1800, 2200)), pytest.approx((900, 1100))]
    assert [call[call.index('--seed') + 1] for call in drawn] == ['0', '1', '2'] and drawn[0][-1] == 'a=1'
    trained = [call[-2:] for call in asked if call[0] == 'train' and call[1].endswith('retrain.py')]
    assert trained == 5 * [('randomness.seed=0', 'b=2'), ('randomness.seed=1', 'b=2')]
    again, _ = pays('--system', 'fusion', *SMALL, '--search-options', 'a=1', '--train-options', 'b=2')
    assert not again  # what is done is not done again


def test_what_a_search_starts_from_is_trained_before_it(pays, tmp_path):
    asked, _ = pays('--system', 'dcnas', *SMALL, '--metric', 'fusion/VIF', '--first-options', 'c=3')
    first, search = asked[:2]
    assert first[:2] == ('train', 'configs/dcnas/supernet.py') and first[-2:] == ('randomness.seed=0', 'c=3')
    assert search[1] == 'configs/dcnas/search.py'
    assert search[-1] == f'load_from={tmp_path / "work/found-0/first/epoch_1.pth"}'


def test_the_verdict_is_two_standard_errors_over_networks(pays):
    def score(kind, number, seed):  # a seed does the same to all networks: it drops out of the difference
        return 0.5 + 0.01 * number + 0.3 * seed + (0.1 if kind == 'found' else 0)

    _, said = pays('--system', 'fusion', *SMALL, score=score)
    # found 0.75, 0.76 (standard error 0.005), random 0.65, 0.66, 0.67 (0.01 / sqrt 3 = 0.00577)
    assert '0.755 +- 0.005' in said and '0.66 +- 0.0058' in said and '+0.095 +- 0.0076' in said and '12.4' in said
    assert 'The search pays: fusion/VIF of what was found is 0.095 +- 0.0076 better' in said and '3 of 3' in said


@pytest.mark.parametrize(('found', 'drawn', 'sign', 'text'), [
    ([1.0, 1.1], [0.9, 1.0, 1.1], 1, 'No gain is shown'),
    ([1.0, 1.0], [1.0, 1.0], 1, 'No gain is shown'),  # no spread, no difference
    ([1.0, 1.1], [3.0, 3.1], 1, 'The search harms'),
    ([1.0, 1.1], [3.0, 3.1], -1, 'The search pays'),
    ([3.0, 3.1], [1.0, 1.1], -1, 'The search harms')])
def test_verdicts(found, drawn, sign, text):
    system = search_pays.System('search.py', 'error', sign)
    assert search_pays.verdict(found, drawn, system).startswith(text)


def test_a_metric_that_the_test_does_not_give_is_named(pays):
    with pytest.raises(UserError, match=r"gives no 'fusion/vif'; it gives fusion/VIF, fusion/MI"):
        pays('my_search.py', '--metric', 'fusion/vif', *SMALL)


@pytest.mark.parametrize(('arguments', 'text'), [
    (('my_search.py', ), 'needs --metric'), (('--system', 'fusion', '--random', '1'), 'at least two'),
    (('--system', 'dcnas', '--lower-is-better'), 'said of a --metric'), ((), 'required')])
def test_arguments_that_make_no_comparison_are_refused(pays, capsys, arguments, text):
    with pytest.raises(SystemExit):
        pays(*arguments)
    assert text in capsys.readouterr().err


@pytest.mark.parametrize('name', search_pays.SYSTEMS)
def test_the_option_of_what_comes_before_is_one_of_the_search(name):
    system = search_pays.SYSTEMS[name]
    if system.first:
        option = system.first[1]
        cfg = value = runs.config_with(system.search, [f'{option}=first.pth'])
        for key in option.split('.'):
            value = value[int(key) if key.isdecimal() else key]
        assert value == 'first.pth' and Path(system.first[0]).is_file()
        parent = option.rpartition('.')[0]
        assert not parent or 'type' in cfg.default_hooks.search.phases.loss.losses[0]  # beside what was there


HOLDER = """
import fcntl, sys
with open(sys.argv[1], 'a') as file:
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    print('taken', flush=True)
    sys.stdin.read()
"""


def test_a_network_that_another_process_works_on_is_left_to_it_and_waited_for(pays, monkeypatch, tmp_path):
    folder = tmp_path / 'work/found-0'
    folder.mkdir(parents=True)
    other = subprocess.Popen([sys.executable, '-c', HOLDER, str(folder / '.turn')], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, text=True)
    assert other.stdout.readline() == 'taken\n'
    waited = []

    def sleep(seconds):
        waited.append(seconds)
        other.communicate(timeout=60)  # its input ends, and so does it

    monkeypatch.setattr(runs, 'time', SimpleNamespace(sleep=sleep))
    asked, _ = pays('--system', 'fusion', *SMALL)
    searches = [call[call.index('--work-dir') + 1] for call in asked
                if call[:2] == ('train', 'configs/tim/fusion_search_demo.py')]
    assert [Path(folder).name for folder in searches] == ['found-1', 'found-0']  # the free one first
    first = next(n for n, call in enumerate(asked) if 'found-0' in str(call))
    drawn_before = [call for call in asked[:first] if call[0].endswith('sample_genotype')]
    assert len(drawn_before) == 1 and waited == [runs.WAIT]  # of the size of the one that was found


def test_a_run_that_is_given_twice_is_one():
    done = []
    assert runs.shared(['a', 'b', 'a'], lambda run: done.append(run) or run.upper()) == dict(a='A', b='B')
    assert done == ['a', 'b']


def taken(folder: Path) -> bool:
    """Return whether another process works in a folder."""
    try:
        with runs.turn(folder):
            return False
    except runs.BusyError:
        return True


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.parametrize(('name', 'call'), [
    ('train', "train('a.py', folder)"), ('test', "test_rule('a.py', folder, [])"),
    ('analysis_tools/sample_genotype', "draw('a.py', folder, 0)")])
def test_a_tool_whose_benchmark_was_killed_keeps_its_folder(name, call, tmp_path):
    tool, folder = tmp_path / f'tools/{name}.py', tmp_path / 'work'
    tool.parent.mkdir(parents=True)
    tool.write_text('import pathlib, sys\npathlib.Path("started").touch()\nsys.stdin.read()\n')
    code = f'from pathlib import Path\nfolder = Path("work")\nimport runs\nruns.TOOLS = Path("tools")\nruns.{call}'
    path = os.pathsep.join([str(Path(runs.__file__).parent), str(Path.cwd())])
    benchmark = subprocess.Popen([sys.executable, '-c', code], cwd=tmp_path, stdin=subprocess.PIPE,
                                 env=dict(os.environ, PYTHONPATH=path))
    wait_until((tmp_path / 'started').is_file)
    benchmark.kill()
    assert benchmark.wait(60) == -signal.SIGKILL and taken(folder)
    benchmark.stdin.close()  # which the tool reads
    wait_until(lambda: not taken(folder))


def test_a_tool_that_fails_ends_its_benchmark_with_what_it_said(monkeypatch):
    monkeypatch.setattr(runs.subprocess, 'run', lambda *arguments, **options: SimpleNamespace(
        returncode=1, stdout='error: another cause'))
    with pytest.raises(SystemExit, match='another cause\nerror: train.py a.py failed'):
        runs.tool('train', 'a.py')


def test_a_file_system_without_locks_is_no_obstacle(monkeypatch, tmp_path):
    def flock(*arguments):
        raise OSError(errno.ENOLCK, 'No locks available')

    monkeypatch.setattr(runs.fcntl, 'flock', flock)
    done = []
    with runs.turn(tmp_path):
        done.append('work')
    assert done == ['work']


def test_a_metric_that_one_test_leaves_out_is_in_no_row(pays, monkeypatch):
    kept, load = [], json.loads

    def loads(text):
        kept.append(load(text))
        return {name: value for name, value in kept[-1].items() if name == 'fusion/VIF' or len(kept) != 3}

    monkeypatch.setattr(runs, 'json', SimpleNamespace(loads=loads))
    _, said = pays('--system', 'fusion', *SMALL)
    assert 'fusion/VIF' in said and 'fusion/MI' not in said


@pytest.mark.slow
def test_a_search_on_built_in_scenes_is_compared_by_real_tools(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(sys, 'argv', [
        'search_pays.py', '--system', 'neck', '--searches', '2', '--random', '2', '--seeds', '1', '--work-dir',
        str(tmp_path), '--search-options', 'train_dataloader.dataset.length=8', 'val_dataloader.dataset.length=2',
        'default_hooks.search.dataloader.dataset.length=8', 'default_hooks.guidance.scene_length=2',
        '--train-options', 'train_dataloader.dataset.length=8', 'train_cfg.max_epochs=1'])
    search_pays.main()
    said = capsys.readouterr().out
    assert 'coco/bbox_mAP_50' in said and 'parameters (k)' in said
    assert any(f'\n{verdict}: coco/bbox_mAP_50 of what was found' in said
               for verdict in ('The search pays', 'The search harms', 'No gain is shown'))
