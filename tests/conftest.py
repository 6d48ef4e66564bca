"""What all tests share: the folder of reference data, the tools as modules, and weights at no default.

``pythonpath`` in ``pyproject.toml`` makes the package ``kits`` beside this file importable, and the benchmarks.
"""
import importlib.util
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
import torch
from mmengine.fileio import YamlHandler
from mmengine.fileio.handlers.registry_utils import file_handlers
from mmengine.model import PretrainedInit
from mmengine.registry import WEIGHT_INITIALIZERS
from mmengine.runner import CheckpointLoader
from torch import nn

ROOT = Path(__file__).resolve().parent.parent


def pytest_configure() -> None:
    """Obey Ctrl-C, which a job in the background of a shell ignores, for the tests of it. Programs that tests start
    find this checkout and its ``kits``."""
    paths = [str(ROOT), str(ROOT / 'tests'), os.environ.get('PYTHONPATH')]
    os.environ['PYTHONPATH'] = os.pathsep.join(filter(None, paths))
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Look for examples in no helper of the tests: imported a second time it would register its parts once more."""
    return True if collection_path.suffix == '.py' and not collection_path.name.startswith('test_') else None


LOADERS = dict(CheckpointLoader._schemes)
"""MMEngine's own, by the beginnings of names."""


@pytest.fixture(autouse=True)
def stock_loading() -> Iterator[None]:
    """Begin every test as a process begins: MMEngine reads files by its own means until something is called."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CheckpointLoader, '_schemes', dict(LOADERS))
        patch.setitem(WEIGHT_INITIALIZERS.module_dict, 'Pretrained', PretrainedInit)
        for suffix in ('yaml', 'yml'):
            patch.setitem(file_handlers, suffix, YamlHandler())
        yield


@pytest.fixture(scope='session', autouse=True)
def plain_configs() -> Iterator[None]:
    """Leave out the layout of written configs, which takes a second each; what they say is the same."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr('yapf.yapflib.yapf_api.FormatCode', lambda text, **_: (text, True))
        yield


@pytest.fixture(scope='session')
def root() -> Path:
    """The repository's root folder."""
    return ROOT


@pytest.fixture(scope='session')
def load_tool() -> Callable[[str], ModuleType]:
    """Import ``tools/NAME.py`` as Python would when it is run, with its folder on the path."""

    def load(name: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(f'tool_{name.replace("/", "_")}', ROOT / 'tools' / f'{name}.py')
        module = importlib.util.module_from_spec(spec)
        with pytest.MonkeyPatch.context() as patch:
            patch.syspath_prepend(ROOT / 'tools')
            spec.loader.exec_module(module)
        return module

    return load


@pytest.fixture(scope='session')
def ended() -> Callable[..., str]:
    """Wait until a process ends by itself, with that code, and return what it wrote to its error stream.

    The limit is against a process that hangs, so it is far beyond what a busy machine needs.
    """

    def wait(process: subprocess.Popen, code: int = 0) -> str:
        errors = process.communicate(timeout=600)[1]
        assert process.returncode == code, errors[-3000:]
        return errors

    return wait


@pytest.fixture
def trap(tmp_path: Path) -> object:
    """An object that makes the folder ``trap`` when it is unpickled."""

    class Trap:
        def __reduce__(self) -> tuple:
            return os.mkdir, (str(tmp_path / 'trap'), )

    return Trap()


@pytest.fixture(scope='session')
def randomise() -> Callable[..., nn.Module]:
    """Give a module random norm statistics and slopes, in double precision and eval mode: nothing is at a default."""

    def apply(module: nn.Module, seed: int = 0) -> nn.Module:
        generator = torch.Generator().manual_seed(seed)
        module.double().eval()
        for norm in module.modules():
            if isinstance(norm, nn.BatchNorm2d):
                norm.running_mean.normal_(0, 0.2, generator=generator)
                norm.running_var.uniform_(0.5, 2, generator=generator)
                norm.weight.data.uniform_(0.5, 1.5, generator=generator)
                norm.bias.data.normal_(0, 0.2, generator=generator)
            elif isinstance(norm, nn.PReLU):
                norm.weight.data.uniform_(0.05, 0.4, generator=generator)
        return module

    return apply


@pytest.fixture(scope='session')
def shared() -> Path:
    """The folder of reference data, which is not part of the repository; tests that need it skip without it."""
    folder = Path(os.environ.get('MMFUSENAS_SHARED', '../shared'))
    folder = folder if folder.is_absolute() else (ROOT / folder).resolve()
    if not folder.is_dir():
        pytest.skip(f'no reference data at {folder} (set MMFUSENAS_SHARED to its folder)')
    return folder
