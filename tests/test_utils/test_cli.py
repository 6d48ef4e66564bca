"""The console script, the configs that the package brings, and what a wheel holds."""
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml
from mmengine.config import Config

import mmfusenas.registry  # noqa: F401  configs may begin with mmfusenas::
from mmfusenas import cli
from mmfusenas.core.errors import InputError
from mmfusenas.utils.command_line import command, read_config, run_tool
from mmfusenas.version import __version__

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize('name', cli.COMMANDS)
def test_every_command_explains_itself(name, capsys, monkeypatch):
    monkeypatch.setattr(sys, 'argv', ['before'])
    monkeypatch.setenv('MALLOC_TOP_PAD_', '0')  # a tool would start this process again for its allocator
    with pytest.raises(SystemExit, match='^0$'):
        cli.main([name, '--help'])
    assert capsys.readouterr().out.startswith(f'usage: mmfusenas {name} ')


def test_commands_are_listed_and_others_refused(capsys):
    cli.main([])
    listed = capsys.readouterr().out
    assert all(name in listed for name in cli.COMMANDS)
    with pytest.raises(SystemExit, match="no command 'tain'; the nearest is 'train'"):
        cli.main(['tain'])
    cli.main(['--version'])
    assert capsys.readouterr().out == f'{__version__}\n'


def test_a_command_from_outside_the_checkout(tmp_path):
    run = subprocess.run([sys.executable, '-m', 'mmfusenas', 'flops', 'mmfusenas::tim/fusion_light.py', '--shape', '64',
                          '96'], cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert '127' in run.stdout


def test_the_next_command_is_of_the_same_kind(monkeypatch):
    words = 'python', 'tools/deployment/export_onnx.py', 'configs/tim/fusion_light.py'
    assert command(*words) == ' '.join(words)
    monkeypatch.setattr(sys, 'argv', ['mmfusenas train'])
    assert command(*words) == 'mmfusenas export mmfusenas::tim/fusion_light.py'
    assert command('python', 'tools/progress.py') == 'python tools/progress.py'

    def fail():
        raise InputError('Run tools/analysis_tools/check_dataset.py configs/tim/fusion_light.py.')

    with pytest.raises(SystemExit, match='Run mmfusenas check-dataset mmfusenas::tim/fusion_light.py'):
        run_tool(fail)


def test_a_config_of_another_project_begins_with_ours(tmp_path):
    (tmp_path / 'mine.py').write_text("_base_ = 'mmfusenas::tim/fusion_light.py'\nmodel = dict(channels=8)\n")
    cfg = read_config(str(tmp_path / 'mine.py'))
    assert (cfg.model.genotype, cfg.model.channels) == ('tim-light', 8)
    assert cfg.train_cfg.max_epochs == Config.fromfile(ROOT / 'configs/tim/fusion_light.py').train_cfg.max_epochs
    with pytest.raises(FileNotFoundError, match="'mmfusenass', which is not installed"):
        read_config('mmfusenass::tim/fusion_light.py')
    with pytest.raises(FileNotFoundError, match="no config tim/fusion_ligt.py; the nearest is 'tim/fusion_light.py'"):
        read_config('mmfusenas::tim/fusion_ligt.py')


def test_the_model_index_names_what_is_there():
    models = {}
    for path in yaml.safe_load((ROOT / 'model-index.yml').read_text())['Import']:
        content = yaml.safe_load((ROOT / path).read_text())
        collection, = content['Collections']
        assert (ROOT / collection['README']).is_file()
        assert all(model['In Collection'] == collection['Name'] for model in content['Models'])
        models.update({model['Name']: model for model in content['Models']})
    records = json.loads((ROOT / 'mmfusenas/weights/records.json').read_text())
    assert set(models) == {name for name in records if (ROOT / f'mmfusenas/weights/{name}.pth').is_file()}
    for name, model in models.items():
        assert (ROOT / model['Config']).is_file() and model['Weights'] == f'mmfusenas://{name}'
        assert model['Metadata']['Parameters'] == records[name]['parameters']


@pytest.mark.slow
def test_a_wheel_holds_configs_tools_and_weights(tmp_path):
    files = subprocess.run(['git', 'ls-files', 'mmfusenas', 'configs', 'tools', 'requirements', 'setup.py',
                            'pyproject.toml', 'model-index.yml'], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in files.stdout.split():
        target = tmp_path / 'source' / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_symlink():
            target.symlink_to((ROOT / name).readlink())
        else:
            target.write_bytes((ROOT / name).read_bytes())
    subprocess.run([sys.executable, '-m', 'pip', 'wheel', '.', '--no-deps', '--no-build-isolation', '-w', tmp_path],
                   cwd=tmp_path / 'source', check=True, capture_output=True)
    wheel, = tmp_path.glob('*.whl')
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
        archive.extractall(tmp_path / 'site')
    for folder in ('configs', 'tools'):
        assert {f'mmfusenas/.mim/{path.relative_to(ROOT)}' for path in (ROOT / folder).rglob('*.py')} <= held
    assert {'mmfusenas/.mim/model-index.yml', 'mmfusenas/weights/tim-light.pth'} <= held
    run = subprocess.run([sys.executable, '-m', 'mmfusenas', 'flops', 'mmfusenas::tim/fusion_light.py'],
                         cwd=tmp_path / 'site', capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
