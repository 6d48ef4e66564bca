"""What all tests share: one thread, the folder of reference data, and the tools as modules."""
import importlib.util
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
import torch

ROOT = Path(__file__).resolve().parent.parent


def pytest_configure() -> None:
    """Use one thread, as several test processes with several threads each are many times slower; and obey Ctrl-C,
    which a job in the background of a shell ignores, for the tests of it."""
    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.default_int_handler)


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
def shared() -> Path:
    """The folder of reference data, which is not part of the repository; tests that need it skip without it."""
    folder = Path(os.environ.get('MMFUSENAS_SHARED', '../shared'))
    folder = folder if folder.is_absolute() else (ROOT / folder).resolve()
    if not folder.is_dir():
        pytest.skip(f'no reference data at {folder} (set MMFUSENAS_SHARED to its folder)')
    return folder
