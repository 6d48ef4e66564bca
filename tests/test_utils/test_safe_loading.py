"""Files run no code in tools, inferencers and Runners of ours, and nothing of MMEngine is changed by an import."""
import ast
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.fileio import load
from mmengine.model import BaseModel
from mmengine.registry import WEIGHT_INITIALIZERS
from mmengine.runner import CheckpointLoader, Runner
from yaml.constructor import ConstructorError

from mmfusenas.apis.loading import build_model
from mmfusenas.engine.hooks import SafeCheckpointHook
from mmfusenas.registry import MODELS
from mmfusenas.utils.command_line import load_config, run_tool
from mmfusenas.utils.safe_loading import use_safe_loading

ROOT = Path(__file__).resolve().parents[2]
IMPORTS = """
import importlib, pkgutil, sys
from mmengine.fileio.handlers.registry_utils import file_handlers
from mmengine.registry import WEIGHT_INITIALIZERS
from mmengine.runner import CheckpointLoader
def state():
    return dict(CheckpointLoader._schemes), dict(file_handlers), WEIGHT_INITIALIZERS.get('Pretrained')
before = state()
import mmfusenas.engine
assert state() == before
for module in pkgutil.walk_packages(mmfusenas.__path__, 'mmfusenas.'):
    try:
        importlib.import_module(module.name)
    except ImportError:
        pass
    assert state() == before, module.name
from mmfusenas.apis import use_safe_loading
use_safe_loading()
assert all(now != then for now, then in zip(state(), before))
"""
NO_FILES = ('demo', 'progress', 'setup_env', 'setup_mmcv')
"""Tools that start others, or run before anything is installed."""


@pytest.fixture
def evil(tmp_path: Path, trap: object) -> str:
    """A file that makes the folder ``trap`` where it is unpickled."""
    torch.save(dict(meta=dict(epoch=1, iter=1), state_dict=trap), tmp_path / 'evil.pth')
    return str(tmp_path / 'evil.pth')


@pytest.fixture(autouse=True)
def no_trap(tmp_path: Path):
    yield
    assert not (tmp_path / 'trap').exists()


def is_safe() -> bool:
    """Return whether every loader of MMEngine's table is one of ours: a new version may bring another."""
    return {loader.__module__.partition('.')[0] for loader in CheckpointLoader._schemes.values()} == {'mmfusenas'}


def test_no_import_changes_mmengine() -> None:
    done = subprocess.run([sys.executable, '-c', IMPORTS], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_no_loader_of_mmengine_is_left() -> None:
    assert not is_safe()
    use_safe_loading()
    found = dict(CheckpointLoader._schemes)
    assert is_safe() and WEIGHT_INITIALIZERS.get('Pretrained').__name__ == 'CheckedPretrainedInit'
    use_safe_loading()
    assert CheckpointLoader._schemes == found


def test_yaml_is_data(tmp_path: Path) -> None:
    (tmp_path / 'a.yaml').write_text('sizes: !!python/tuple [1, 2]')
    (tmp_path / 'b.yml').write_text(f'a: !!python/object/apply:os.mkdir ["{tmp_path}/trap"]')
    use_safe_loading()
    assert load(tmp_path / 'a.yaml') == dict(sizes=(1, 2))
    with pytest.raises(ConstructorError):
        load(tmp_path / 'b.yml')


def scripts() -> list[Path]:
    """Return the tools and benchmarks that are run, without those that read no files."""
    files = sorted([*ROOT.glob('tools/**/*.py'), *ROOT.glob('benchmarks/*.py')])
    return [file for file in files if 'def main(' in file.read_text() and file.stem not in NO_FILES]


@pytest.mark.parametrize('file', scripts(), ids=lambda file: file.stem)
def test_every_script_runs_by_run_tool(file: Path) -> None:
    last = ast.parse(file.read_text()).body[-1]
    assert isinstance(last, ast.If) and ast.unparse(last.test) == "__name__ == '__main__'"
    assert ast.unparse(last.body[-1]) in ('run_tool(main)', 'run_tool(lambda: sys.exit(main()))')


@pytest.mark.parametrize('name', NO_FILES)
def test_a_tool_without_it_reads_no_such_files(name: str) -> None:
    tree = ast.parse((ROOT / f'tools/{name}.py').read_text())
    found = {node.module if isinstance(node, ast.ImportFrom) else node.names[0].name for node in ast.walk(tree)
             if isinstance(node, (ast.Import, ast.ImportFrom))}
    assert not {module.partition('.')[0] for module in found} & {'mmengine', 'mmfusenas', 'torch', 'yaml', 'pickle'}


def test_run_tool_reads_safely(evil: str) -> None:
    with pytest.raises(SystemExit, match='carries code'):
        run_tool(lambda: CheckpointLoader.load_checkpoint(evil))


@pytest.fixture
def reading_model() -> str:
    """A registered model that loads a file by MMEngine's means while it is built, as mmdet's distillers do."""

    @MODELS.register_module(force=True)
    class ReadingModel(BaseModel):
        def __init__(self, file: str) -> None:
            super().__init__()
            CheckpointLoader.load_checkpoint(file)

        def forward(self, inputs, data_samples=None, mode='tensor'):
            """Do nothing."""

    yield 'ReadingModel'
    MODELS.module_dict.pop('ReadingModel')


def test_a_model_reads_safely_while_it_is_built(evil: str, reading_model: str) -> None:
    with pytest.raises(pickle.UnpicklingError, match='carries code'):
        build_model(dict(type=reading_model, file=evil), 'test')


def test_reading_a_config_reads_safely(tmp_path: Path) -> None:
    (tmp_path / 'a.py').write_text("model = dict(type='TIMFusion')")
    load_config(str(tmp_path / 'a.py'))
    assert is_safe()


@pytest.fixture
def runner(tmp_path: Path, request: pytest.FixtureRequest) -> Callable[..., Runner]:
    """Build the Runner of a config of ours as a script that knows nothing of mmfusenas does."""

    def build(**settings: object) -> Runner:
        cfg = Config(dict(
            default_scope='mmfusenas', model=dict(type='TIMFusion', genotype='tim-light', channels=4),
            default_hooks=dict(checkpoint=dict(type='SafeCheckpointHook')), work_dir=str(tmp_path),
            experiment_name=request.node.name, visualizer=dict(type='Visualizer', vis_backends=[]), **settings))
        return Runner.from_cfg(cfg)

    return build


def test_a_runner_with_our_hook_loads_safely(evil: str, runner: Callable) -> None:
    with pytest.raises(pickle.UnpicklingError, match='carries code'):
        runner().load_checkpoint(evil)
    with pytest.raises(pickle.UnpicklingError, match='carries code'):
        runner(load_from=evil).load_or_resume()
    with pytest.raises(pickle.UnpicklingError, match='carries code'):
        runner().resume(evil)


def test_our_hook_knows_the_bundled_weights() -> None:
    model = MODELS.build(dict(type='TIMFusion', genotype='tim-light', _scope_='mmfusenas',
                              init_cfg=dict(type='Pretrained', checkpoint='mmfusenas://tim-light')))
    SafeCheckpointHook()
    model.init_weights()
    weights = CheckpointLoader.load_checkpoint('mmfusenas://tim-light')['state_dict']
    torch.testing.assert_close(model.state_dict(), dict(weights), check_dtype=False)
