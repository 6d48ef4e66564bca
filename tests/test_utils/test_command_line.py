"""What the tools share: messages, config loading, the group of processes on a CPU."""
import argparse
from pathlib import Path

import pytest
from mmengine.config import Config

from mmfusenas.utils.command_line import (
    ConfigOptions,
    UsageError,
    command,
    existing_file,
    load_config,
    output_file,
    run_tool,
)
from mmfusenas.utils.config_check import ConfigError
from mmfusenas.utils.launch import init_cpu_group, wrapper_cfg


def test_message_for_people_or_traceback() -> None:
    def ours() -> None:
        raise ConfigError('it is misspelt')

    def package() -> None:
        init_cpu_group('pytorch')

    def bug() -> None:
        int('x')

    with pytest.raises(ConfigError):  # raised here, outside of the package: unexpected
        run_tool(ours)
    with pytest.raises(SystemExit, match='error: --launcher pytorch found no environment variable RANK'):
        run_tool(package)
    with pytest.raises(ValueError, match='invalid literal'):
        run_tool(bug)


def test_existing_file(tmp_path: Path) -> None:
    (tmp_path / 'deep').mkdir()
    (tmp_path / 'deep' / 'epoch_12.pth').touch()
    assert existing_file(tmp_path / 'deep' / 'epoch_12.pth', 'Checkpoint').name == 'epoch_12.pth'
    with pytest.raises(UsageError, match='Checkpoint .*epoch_13.pth does not exist. The nearest is .*epoch_12.pth'):
        existing_file(tmp_path / 'deep' / 'epoch_13.pth', 'Checkpoint')
    with pytest.raises(UsageError, match='is a folder'):
        existing_file(tmp_path, 'Config')


def test_config_with_a_missing_base(tmp_path: Path) -> None:
    file = tmp_path / 'config.py'
    file.write_text("_base_ = './none.py'")
    with pytest.raises(UsageError, match='config.py cannot be read: FileNotFoundError.*none.py'):
        load_config(str(file))


def test_options_are_merged(tmp_path: Path) -> None:
    file = tmp_path / 'config.py'
    file.write_text("model = dict(type='A', depth=1, parts=[dict(width=2)])")
    assert load_config(str(file), {'model.parts.0.width': 3}).model.parts[0].width == 3
    with pytest.raises(UsageError, match='cannot be read'):
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


def test_a_folder_is_no_output_file(tmp_path: Path) -> None:
    assert output_file(tmp_path / 'a.pth') == tmp_path / 'a.pth'
    with pytest.raises(UsageError, match='is a folder'):
        output_file(tmp_path)


def test_config_options_without_an_equals_sign_are_named(capsys: pytest.CaptureFixture) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument('--cfg-options', nargs='+', action=ConfigOptions)
    assert parser.parse_args(['--cfg-options', 'a.b=[1,2]', 'c=x=y']).cfg_options == {'a.b': [1, 2], 'c': 'x=y'}
    with pytest.raises(SystemExit):
        parser.parse_args(['--cfg-options', 'lr', '=', '3'])
    assert "--cfg-options got 'lr'" in capsys.readouterr().err


def test_an_option_without_effect_is_an_error(tmp_path):
    path = tmp_path / 'c.py'
    path.write_text("scale = 8\nmodel = dict(type='GuidedSR', scale=scale)\n")
    assert load_config(str(path), {'model.scale': 4}).model.scale == 4
    with pytest.raises(ValueError, match=r'scale=\.\.\. has no effect: scale is a variable of .*c\.py'):
        load_config(str(path), {'scale': 4})
    with pytest.raises(ValueError, match=r'nothing reads max_epochs. Do you mean train_cfg.max_epochs='):
        load_config(str(path), {'max_epochs': 4})
    assert load_config(str(path), {'find_unused_parameters': True}).find_unused_parameters
