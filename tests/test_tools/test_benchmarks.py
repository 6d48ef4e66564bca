"""Every benchmark starts, says what it does, and names configs that are there; tables come out of what runs give."""
import importlib
import json
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

BENCHMARKS = Path(__file__).parent.parent.parent / 'benchmarks'
SCRIPTS = sorted(path for path in BENCHMARKS.glob('*.py') if path.name not in ('runs.py', 'timing.py'))


@pytest.mark.parametrize('path', SCRIPTS, ids=lambda path: path.stem)
def test_help(path):
    done = subprocess.run([sys.executable, str(path), '--help'], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert path.name in done.stdout
    for config in re.findall(r'configs/\w+/\w[\w.-]*\.py', path.read_text()):
        assert (BENCHMARKS.parent / config).is_file(), config


@pytest.mark.parametrize('command', [
    'hypergrad_cost.py --size 16 --repeats 1', 'search_step.py --size 16 --repeats 1',
    'supernet_step.py --channels 8 --shape 16 16 --paths 1 --repeats 1', 'sampling.py --paths 4096 --channels 8',
    'depthwise.py --shape 1 4 16 16 --repeats 1', 'fusion_inference.py --shape 32 32 --repeats 1 --no-compile',
    'ruas_inference.py --shape 32 32 --repeats 1', 'path_latency.py --paths 2 --channels 8 --shape 16 16 --repeats 3'])
def test_timings_run(command):
    script, *arguments = command.split()
    done = subprocess.run([sys.executable, str(BENCHMARKS / script), *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert '+---' in done.stdout


@pytest.fixture
def rows(monkeypatch):
    """The script of the rows, with tools that leave what real ones do, and note what they were asked for."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import runs
    import task_rows

    asked = []

    def tool(name, *arguments):
        asked.append((name, *arguments))
        folder = Path(arguments[arguments.index('--work-dir') + 1])
        folder.mkdir(parents=True, exist_ok=True)
        if name == 'train':
            (folder / 'last_checkpoint').write_text('/elsewhere/epoch_1.pth')
            if folder.name.startswith('x-search'):
                (folder / 'retrain.py').write_text('')
        else:
            seed = int((folder.parent if folder.name == 'retrain' else folder).name[-1])
            scores = {'coco/bbox_mAP': 0.25 + seed / 2, 'coco/car_precision': 0.1, 'epe': 2.0}
            Path(arguments[arguments.index('--out') + 1]).write_text(
                json.dumps({name: value for name, value in scores.items() if name != 'epe' or '-b' not in folder.name}))
        return ''

    monkeypatch.setattr(runs, 'tool', tool)

    def run(*arguments):
        monkeypatch.setattr(sys, 'argv', ['task_rows.py', *map(str, arguments)])
        asked.clear()
        task_rows.main()
        return list(asked)

    return run


def test_of_a_search_what_it_found_is_trained_and_tested(rows, tmp_path, capsys):
    asked = rows('--configs', 'configs/x-{}.py', '--rows', 'search', '--seeds', 1, '--work-dir', tmp_path)
    assert [call[:2] for call in asked] == [
        ('train', 'configs/x-search.py'), ('train', f'{tmp_path}/x-search-1/retrain.py'),
        ('test', f'{tmp_path}/x-search-1/retrain/retrain.py')]
    assert 'search' in capsys.readouterr().out


def test_rows_are_means_of_the_seeds_and_are_made_once(rows, tmp_path, capsys):
    options = ('--configs', 'configs/x-{}.py', '--rows', 'a', 'b', '--seeds', 0, 1, '--work-dir', tmp_path / 'rows')
    asked = rows(*options, '--train-options', 'a.b=1')
    assert [call[0] for call in asked] == ['train', 'test'] * 4
    assert asked[2][1] == 'configs/x-a.py' and asked[2][-2:] == ('randomness.seed=1', 'a.b=1')
    assert asked[3][1:3] == (str(tmp_path / 'rows/x-a-1/x-a.py'), str(tmp_path / 'rows/x-a-1/epoch_1.pth'))
    printed = capsys.readouterr().out
    assert re.search(r'\| a +\| 0\.500 \+- 0\.354 +\| 2\.000 \+- 0\.000', printed)
    assert re.search(r'\| b +\| 0\.500 \+- 0\.354 +\| +\|', printed)  # not every row has every figure
    assert 'precision' not in printed
    assert rows(*options, '--train-options', 'a.b=1') == []
    with pytest.raises(SystemExit, match='of another run'):
        rows(*options)


def test_records_give_the_table_again_without_the_weights(rows, tmp_path, capsys, monkeypatch):
    options = ('--configs', 'configs/x-{}.py', '--rows', 'a', '--seeds', 0, 1, '--work-dir')
    rows(*options, tmp_path / 'rows')
    table = capsys.readouterr().out
    search = tmp_path / 'rows/x-a-0'
    (search / 'search.json').write_text('{}')
    (search / 'x/vis_data').mkdir(parents=True)
    (search / 'x/vis_data/scalars.json').write_text('{"step": 1, "loss": 0.5, "lr": 1}\n{"step": 1, "acc": 2}\n')
    import records
    monkeypatch.setattr(sys, 'argv', ['records.py', str(tmp_path / 'rows'), '--out', str(tmp_path / 'kept')])
    records.main()
    capsys.readouterr()
    kept = tmp_path / 'kept/rows'
    assert not list(kept.rglob('*.pth')) and (kept / 'x-a-0/last_checkpoint').read_text() == 'epoch_1.pth'
    assert (kept / 'x-a-0/kept/vis_data/scalars.json').read_text() == '{"step": 1, "loss": 0.5}\n'
    assert rows(*options, kept) == []
    assert capsys.readouterr().out == table


@pytest.fixture
def ruas(monkeypatch):
    """A script of RUAS's rows, with tools that leave what real ones do, and note what they were asked for."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import runs
    asked = []

    def tool(name, config, *arguments):
        asked.append((name, config, *arguments))
        folder = Path(arguments[arguments.index('--work-dir') + 1])
        folder.mkdir(parents=True, exist_ok=True)
        if name == 'train':
            (folder / 'last_checkpoint').write_text('/elsewhere/epoch_1.pth')
            (folder / Path(config).name).write_text("model = dict(type='Identity')")
            (folder / 'run/vis_data').mkdir(parents=True)
            (folder / 'run/vis_data/scalars.json').write_text('{"quality/PSNR": 9.0, "quality/SSIM": 0.5, "step": 1}\n')
        if name == 'test':
            Path(arguments[arguments.index('--out') + 1]).write_text('{"quality/PSNR": 15.0, "quality/SSIM": 0.5}')
        else:
            (folder / 'genotype.json').write_text('{"choices": {"scene.cell.ops.0": "c_1"}, "source": {"seed": 0}}')
        return ''

    monkeypatch.setattr(runs, 'tool', tool)

    def run(script, *arguments):
        module = importlib.import_module(script)
        monkeypatch.setattr(module, 'complexity', lambda model, size: dict(parameters=1000, macs=1e9))
        monkeypatch.setattr(module, 'seconds', lambda run, repeats: 0.1, raising=False)
        monkeypatch.setattr(module, 'SearchSpace', lambda model: SimpleNamespace(relax=list), raising=False)
        monkeypatch.setattr(module.MODELS, 'build', lambda model: torch.nn.Identity())
        monkeypatch.setattr(sys, 'argv', [script, *map(str, arguments)])
        asked.clear()
        module.main()
        return list(asked)

    return run


def test_all_rows_of_the_networks_are_scored_on_the_pairs_that_were_asked_for(ruas, tmp_path, capsys):
    asked = ruas('ruas_networks', '--configs', 'configs/ruas/enhance{}_fivek.py', '--rows', 'supernet', 'c_3',
                 '--test-options', 'test_dataloader.dataset.split=mine.txt', '--work-dir', tmp_path)
    assert [call[:2] for call in asked] == [
        ('train', 'configs/ruas/enhance_supernet_fivek.py'), ('train', 'configs/ruas/enhance_fivek.py'),
        ('test', str(tmp_path / 'c_3-0/enhance_fivek.py'))]
    assert asked[0][-1] == 'val_dataloader.dataset.split=mine.txt'
    assert asked[2][-1] == 'test_dataloader.dataset.split=mine.txt'
    printed = capsys.readouterr().out
    assert re.search(r'\| supernet +\| 9\.000', printed) and re.search(r'\| c_3 +\| 15\.000', printed)


def test_the_cooperative_search_stands_beside_a_random_network_and_the_weights_that_were_given(
        ruas, tmp_path, capsys):
    options = ('--rows', 'cooperative', 'random', 'published', '--seeds', 0, '--work-dir', tmp_path / 'rows')
    asked = ruas('cooperative_search', *options, '--authors', tmp_path / 'a.pth')
    places = [(name, config.removeprefix(f'{tmp_path}/rows/')) for name, config, *_ in asked]
    search = 'configs/ruas/enhance_search_unpaired.py'
    assert [place for place in places if place[0] != 'test'] == [
        ('train', search), ('train', 'cooperative-0/retrain.py'),
        ('analysis_tools/sample_genotype', search), ('train', 'random-0/retrain.py'),
        ('train', 'configs/ruas/enhance_unpaired.py')]
    assert sum(name == 'test' for name, _ in places) == 4 * 3
    assert re.search(r'\| published weights +\| 15\.000', capsys.readouterr().out)
    again = ruas('cooperative_search', *options, '--authors', tmp_path / 'b.pth')
    assert {call[1] for call in again} == {str(tmp_path / 'rows/authors-b/enhance_unpaired.py')}  # others are not asked
