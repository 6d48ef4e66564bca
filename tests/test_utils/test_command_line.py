"""What the tools share: messages, config loading, the group of processes on a CPU."""
import argparse
import getpass
import json
import os
import subprocess
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.config import Config
from torch.utils.data import DataLoader

from mmfusenas.core.errors import InputError, MissingKeyError, UserError
from mmfusenas.registry import MODELS
from mmfusenas.utils import launch
from mmfusenas.utils.command_line import (
    ConfigOptions,
    RenamedOption,
    command,
    existing_file,
    json_text,
    load_config,
    output_file,
    output_folder,
    positive,
    run_tool,
)
from mmfusenas.utils.config_check import ConfigError
from mmfusenas.utils.launch import init_cpu_group, wrapper_cfg

LOADING = """
import torch
from torch.utils.data import DataLoader
from mmfusenas.utils.command_line import run_tool

def load():
    global batches  # kept to the end: torch ends its workers from outside then
    batches = iter(DataLoader(torch.zeros(8, 2), num_workers=2, persistent_workers=True))
    next(batches)

run_tool(load)
"""


def test_no_temporary_folder_stays(tmp_path: Path) -> None:
    subprocess.run([sys.executable, '-c', LOADING], env=dict(os.environ, TMPDIR=str(tmp_path)), check=True)
    assert [path.name for path in tmp_path.iterdir() if path.name != f'torchinductor_{getpass.getuser()}'] == []


def test_message_for_people_or_traceback() -> None:
    def ours() -> None:
        raise ConfigError('it is misspelt')

    def missing_key() -> None:
        raise MissingKeyError("no 'target'")

    def package() -> None:
        init_cpu_group('pytorch')

    def system() -> None:
        open('no such file')

    def worker() -> None:
        batches = DataLoader([0], num_workers=1, collate_fn=_refused)
        next(iter(batches))

    def unregistered() -> None:
        MODELS.build(dict(type='Foo'))

    def bug() -> None:
        int('x')

    for tool, message in [(ours, 'it is misspelt'), (missing_key, "no 'target'"), (package, '--launcher pytorch.*RANK'),
                          (system, 'No such file.*no such file'), (worker, 'broken: got 0; give 1\n  or 2\nnext: 3$'),
                          (unregistered, "type='Foo' is not registered .*custom_imports")]:
        with pytest.raises(SystemExit, match=f'^error: .*{message}') as ended:
            run_tool(tool)
        assert 'Traceback' not in str(ended.value)
    with pytest.raises(ValueError, match='invalid literal'):
        run_tool(bug)


def _refused(batch: list[int]) -> None:
    try:
        int('x')
    except ValueError as error:  # whose traceback stands before
        raise InputError(f'broken: got {batch[0]}; give 1\n  or 2\nnext: 3\n') from error


def test_a_count_is_at_least_one() -> None:
    parser = argparse.ArgumentParser(exit_on_error=False)
    parser.add_argument('--number', type=positive)
    assert parser.parse_args(['--number', '12']).number == 12
    for text in ('0', '-5', '1.5', 'x'):
        with pytest.raises(argparse.ArgumentError, match=f"--number: got '{text}': give a whole number of at least 1"):
            parser.parse_args([f'--number={text}'])


def test_output_folder(tmp_path: Path) -> None:
    (tmp_path / 'file').touch()
    assert output_folder(tmp_path / 'new/deep') == tmp_path / 'new/deep'
    for name in ('file', 'file/deep'):
        with pytest.raises(UserError, match=f'--out-dir .*{name}: .*file is a file; give a folder'):
            output_folder(tmp_path / name)


def test_existing_file(tmp_path: Path) -> None:
    (tmp_path / 'deep').mkdir()
    (tmp_path / 'deep' / 'epoch_12.pth').touch()
    assert existing_file(tmp_path / 'deep' / 'epoch_12.pth', 'Checkpoint').name == 'epoch_12.pth'
    with pytest.raises(UserError, match=r'epoch_13\.pth does not exist.*epoch_12\.pth'):
        existing_file(tmp_path / 'deep' / 'epoch_13.pth', 'Checkpoint')
    with pytest.raises(UserError, match='is a folder'):
        existing_file(tmp_path, 'Config')


def test_a_misspelt_absolute_path_does_not_search_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('mmfusenas.utils.command_line.os.walk', lambda folder: (
        (str(folder), (), [f'{i}.py' for i in range(10)]) for _ in count()))  # a disk without end
    with pytest.raises(UserError, match='/nowhere/config.py does not exist'):
        existing_file('/nowhere/config.py', 'Config')


def test_json_has_no_infinity() -> None:
    assert json.loads(json_text(dict(a=[float('nan'), 1.5], b=dict(c=float('-inf')), d=True, e='x', f=np.float32(2)))) \
        == dict(a=[None, 1.5], b=dict(c=None), d=True, e='x', f=2)


def test_config_with_a_missing_base(tmp_path: Path) -> None:
    file = tmp_path / 'config.py'
    file.write_text("_base_ = './none.py'")
    with pytest.raises(UserError, match='config.py cannot be read: FileNotFoundError.*none.py'):
        load_config(str(file))


def test_a_base_that_the_environment_chooses_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ('day_blur', 'night_blur', 'other'):
        (tmp_path / f'{name}.py').write_text(f'{name} = 1')
    file = tmp_path / 'config.py'
    file.write_text("_base_ = ['./other.py', '{{$LIGHT:day}}_blur.py']\nmodel = dict(type='A')")
    assert load_config(str(file)).day_blur == 1
    monkeypatch.setenv('LIGHT', '/mnt/data')
    with pytest.raises(UserError, match=r'LIGHT=/mnt/data .*can be day, night \(default: day\)'):
        load_config(str(file))


def test_a_config_of_the_new_style_by_mistake_is_explained(tmp_path: Path) -> None:
    file = tmp_path / 'config.py'
    file.write_text("from mmfusenas.utils.stock_config import stock_task\nmodel = stock_task('mmdet::x.py', 3, (9, 9))")
    with pytest.raises(UserError, match='no _base_'):
        load_config(str(file))


def test_options_are_merged(tmp_path: Path) -> None:
    file = tmp_path / 'config.py'
    file.write_text("model = dict(type='A', depth=1, parts=[dict(width=2)])")
    assert load_config(str(file), {'model.parts.0.width': 3}).model.parts[0].width == 3
    with pytest.raises(UserError, match='cannot be read'):
        load_config(str(file), {'model.parts.7.width': 3})


def test_command_is_quoted() -> None:
    assert command('python', Path('a b.py'), '--x') == "python 'a b.py' --x"


def test_wrapper_follows_the_config() -> None:
    assert wrapper_cfg(Config())['find_unused_parameters'] is False
    assert wrapper_cfg(Config(dict(find_unused_parameters=True)))['find_unused_parameters'] is True


def test_missing_launcher(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ('OMPI_COMM_WORLD_RANK', 'MASTER_ADDR'):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(RuntimeError, match='OMPI_COMM_WORLD_RANK.*MASTER_ADDR.*dist_train.sh'):
        init_cpu_group('mpi')


VARIABLES = dict(pytorch=dict(RANK='5', WORLD_SIZE='8', LOCAL_RANK='1'),
                 slurm=dict(SLURM_PROCID='5', SLURM_NTASKS='8', SLURM_LOCALID='1'),
                 mpi=dict(OMPI_COMM_WORLD_RANK='5', OMPI_COMM_WORLD_SIZE='8', OMPI_COMM_WORLD_LOCAL_RANK='1'))


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch):
    """The variables of a process that a launcher started, and none of the others'."""
    def started(launcher: str) -> None:
        for variables in VARIABLES.values():
            for name in variables:
                monkeypatch.delenv(name, raising=False)
        for name, value in VARIABLES[launcher].items():
            monkeypatch.setenv(name, value)
        for name in ('RANK', 'WORLD_SIZE', 'LOCAL_RANK', 'MASTER_PORT'):
            monkeypatch.setenv(name, os.environ.get(name, ''))  # put back after the test
            if launcher != 'pytorch':
                monkeypatch.delenv(name)
    return started


@pytest.mark.parametrize('launcher', VARIABLES)
def test_launchers_say_which_process_this_is(launcher: str, started, monkeypatch: pytest.MonkeyPatch) -> None:
    started(launcher)
    monkeypatch.setenv('SLURM_NODELIST', 'node[3-4]')
    monkeypatch.delenv('MASTER_ADDR', raising=False)
    if launcher != 'slurm':
        monkeypatch.setenv('MASTER_ADDR', 'here')
    asked, joined = [], []
    monkeypatch.setattr(launch.subprocess, 'run', lambda command, **_: asked.append(command) or SimpleNamespace(
        stdout='node3\nnode4\n'))
    monkeypatch.setattr(launch.dist, 'init_process_group', joined.append)
    init_cpu_group(launcher)
    assert joined == ['gloo'] and [os.environ[name] for name in ('RANK', 'WORLD_SIZE', 'LOCAL_RANK')] == ['5', '8', '1']
    assert os.environ['MASTER_ADDR'] == ('node3' if launcher == 'slurm' else 'here')
    assert asked == ([['scontrol', 'show', 'hostname', 'node[3-4]']] if launcher == 'slurm' else [])


@pytest.mark.parametrize('launcher', VARIABLES)
def test_the_wrapper_is_on_the_gpu_of_its_process(launcher: str, started, monkeypatch: pytest.MonkeyPatch) -> None:
    started(launcher)
    monkeypatch.setattr(launch.torch.cuda, 'is_available', lambda: True)
    monkeypatch.setattr(launch.Runner, 'from_cfg', lambda cfg: SimpleNamespace(
        register_hook=lambda hook: None, logger=SimpleNamespace(log_file=None), device=os.environ['LOCAL_RANK']))
    assert launch.build_runner(Config(dict(launcher=launcher))).device == '1'


@pytest.mark.parametrize('with_cp', [True, False])
def test_a_training_that_computes_layers_again_gives_freed_memory_back(
        with_cp: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    model, calls = torch.nn.Sequential(torch.nn.Conv2d(1, 1, 1)), []
    model[0].with_cp = with_cp
    monkeypatch.setattr(launch.torch.cuda, 'is_available', lambda: False)
    monkeypatch.setattr(launch, 'return_freed_memory', lambda: calls.append(True))
    monkeypatch.setattr(launch.Runner, 'from_cfg', lambda cfg: SimpleNamespace(
        register_hook=lambda hook: None, logger=SimpleNamespace(log_file=None), model=model))
    launch.build_runner(Config(dict(launcher='none')))
    assert calls == [True] * with_cp


def test_a_folder_is_no_output_file(tmp_path: Path) -> None:
    assert output_file(tmp_path / 'a.pth') == tmp_path / 'a.pth'
    with pytest.raises(UserError, match='is a folder'):
        output_file(tmp_path)


def test_config_options_without_an_equals_sign_are_named(capsys: pytest.CaptureFixture) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument('--cfg-options', nargs='+', action=ConfigOptions)
    assert parser.parse_args(['--cfg-options', 'a.b=[1,2]', 'c=x=y']).cfg_options == {'a.b': [1, 2], 'c': 'x=y'}
    with pytest.raises(SystemExit):
        parser.parse_args(['--cfg-options', 'lr', '=', '3'])
    assert "--cfg-options got 'lr'" in capsys.readouterr().err


@pytest.mark.parametrize('text, value', [
    ("[dict(type='A', metric=['x', 'y']), {'type': 'B', 'size': (1, 2)}]",
     [dict(type='A', metric=['x', 'y']), dict(type='B', size=(1, 2))]),
    ('[{"type": "A", "eps": -1e-3}]', [dict(type='A', eps=-1e-3)]), ("dict(type='A', b=None)", dict(type='A', b=None)),
    ('{}', {}), ('[dict()]', [{}]), ('{{fileDirname}}/a.py', '{{fileDirname}}/a.py'), ('[a,(1,2)]', ['a', (1, 2)])])
def test_config_options_may_be_lists_of_dicts(tmp_path: Path, text: str, value: object) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument('--cfg-options', nargs='+', action=ConfigOptions)
    options = parser.parse_args(['--cfg-options', f'model.parts={text}']).cfg_options
    assert options == {'model.parts': value}
    (tmp_path / 'c.py').write_text("model = dict(type='GuidedSR')\n")
    assert load_config(str(tmp_path / 'c.py'), options).model.parts == value


@pytest.mark.parametrize('text', ["[dict(type='A'), print('x')]", '[dict(type=A)]', "dict(type='A'"])
def test_config_options_run_no_code(capsys: pytest.CaptureFixture, text: str) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument('--cfg-options', nargs='+', action=ConfigOptions)
    with pytest.raises(SystemExit):
        parser.parse_args(['--cfg-options', f'custom_hooks={text}'])
    out, error = capsys.readouterr()
    assert not out and text in error


def test_an_old_option_works_with_a_warning(recwarn: pytest.WarningsRecorder) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument('--guide', '--guidance', action=RenamedOption)
    assert parser.parse_args(['--guide', 'a']).guide == 'a' and not len(recwarn)
    with pytest.warns(FutureWarning, match='--guidance is called --guide'):
        assert parser.parse_args(['--guidance', 'a']).guide == 'a'


def test_an_option_without_effect_is_an_error(tmp_path):
    path = tmp_path / 'c.py'
    path.write_text("scale = 8\nmodel = dict(type='GuidedSR', scale=scale)\n")
    assert load_config(str(path), {'model.scale': 4}).model.scale == 4
    with pytest.raises(ValueError, match=r'scale=\.\.\. has no effect: scale is a variable of .*c\.py'):
        load_config(str(path), {'scale': 4})
    with pytest.raises(ValueError, match=r'max_epochs.*train_cfg\.max_epochs='):
        load_config(str(path), {'max_epochs': 4})
    assert load_config(str(path), {'find_unused_parameters': True}).find_unused_parameters


def test_an_output_that_is_an_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path('a.pth').write_text('weights')
    Path('link.pth').symlink_to('a.pth')
    os.link('a.pth', 'hard.pth')
    for name in ('a.pth', 'link.pth', 'hard.pth', str(tmp_path / 'x/../a.pth')):
        with pytest.raises(UserError, match='would take the place of a.pth, which is given too; choose another file'):
            output_file(name, None, 'a.pth')
    assert output_file('new.pth', 'a.pth', None) == Path('new.pth')
    with pytest.raises(UserError, match='new.json would take the place of'):
        output_file('new.json', './new.json')


@pytest.mark.parametrize('tool, arguments', [
    ('derive', ['s.pth', '--out', 's.pth']), ('derive', ['s.pth', '--out', 'g', '--checkpoint', 'g']),
    ('derive', ['s.pth', '--out', 'g.json', '--checkpoint', 's.pth']),
    ('deployment/export_onnx', ['--model', 's.pth', '--out', 's.pth']),
    ('deployment/quantize_onnx', ['s.pth', '--visible', '.', '--out', 's.pth']),
    ('model_converters/publish_model', ['s.pth', 's.pth']), ('model_converters/ruas', ['s.pth', 's.pth']),
    ('model_converters/tim', ['s.pth', 's.pth', '--network', 'light'])])
def test_no_tool_writes_over_what_it_reads(tool: str, arguments: list[str], tmp_path: Path, load_tool: Callable,
                                           monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path('s.pth').write_text('weights')
    monkeypatch.setattr('sys.argv', [tool, *arguments])
    with pytest.raises(UserError, match='would take the place of'):
        load_tool(tool).main()
    assert Path('s.pth').read_text() == 'weights' and not Path('g').exists()
