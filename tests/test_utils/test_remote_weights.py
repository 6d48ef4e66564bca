"""Weights at addresses go through the same safe loader as local files."""
import pickle
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
from mmengine.runner import CheckpointLoader

from mmfusenas.utils.remote_weights import address
from mmfusenas.utils.safe_loading import use_safe_loading

SCHEMES = ['{}/', 'torchvision://', 'modelzoo://', 'openmmlab://', 'open-mmlab://', 'mmcls://', 's3://bucket/',
           'petrel://bucket/', 'cluster:s3://bucket/']


@pytest.fixture(autouse=True)
def safely() -> None:
    use_safe_loading()


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trap: object) -> Iterator[str]:
    """The address of a server of ``good.pth`` and ``evil.pth``, which the zoos and the store have, too."""
    folder = tmp_path / 'served'
    folder.mkdir()
    torch.save(dict(state_dict={'backbone.a': torch.ones(2)}), folder / 'good.pth')
    torch.save(dict(state_dict=trap), folder / 'evil.pth')
    monkeypatch.setenv('TORCH_HOME', str(tmp_path / 'torch'))
    monkeypatch.setenv('MMENGINE_HOME', str(folder))
    server = ThreadingHTTPServer(('127.0.0.1', 0), partial(_Silent, directory=str(folder)))
    threading.Thread(target=partial(server.serve_forever, poll_interval=0.02), daemon=True).start()
    address = f'http://127.0.0.1:{server.server_port}'

    @contextmanager
    def store(path: str, backend_args: dict) -> Iterator[str]:
        assert backend_args == dict(backend='petrel')
        yield str(folder / path.rpartition('/')[2])

    zoo = {name: f'{address}/{name}.pth' for name in ('good', 'evil')}
    for name in ('torchvision', 'external', 'mmcls'):
        monkeypatch.setattr(f'mmfusenas.utils.remote_weights.get_{name}_models', lambda: zoo)
    monkeypatch.setattr('mmfusenas.utils.remote_weights.get_local_path', store)
    yield address
    server.shutdown()
    server.server_close()


class _Silent(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        """Say nothing of what was asked for."""


def _name(scheme: str, stem: str, served: str) -> str:
    return scheme.format(served) + stem + ('.pth' if scheme.endswith('/') and not scheme.endswith('://') else '')


@pytest.mark.parametrize('scheme', SCHEMES)
def test_weights_of_every_scheme(scheme: str, served: str, tmp_path: Path) -> None:
    content = CheckpointLoader.load_checkpoint(_name(scheme, 'good', served), 'cpu')
    assert content['state_dict']['a' if scheme == 'mmcls://' else 'backbone.a'].tolist() == [1, 1]
    with pytest.raises(pickle.UnpicklingError, match=r'evil\.pth carries code .posix\.mkdir'):
        CheckpointLoader.load_checkpoint(_name(scheme, 'evil', served), 'cpu')
    assert not (tmp_path / 'trap').exists()


def test_a_table_of_ones_own_names_files(served: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('mmfusenas.utils.remote_weights.get_external_models', lambda: dict(mine='good.pth'))
    assert 'state_dict' in CheckpointLoader.load_checkpoint('openmmlab://mine', 'cpu')


def test_torchvision_s_own_models_need_no_torchvision(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, 'torchvision', None)
    assert address('torchvision://resnet50').endswith('/resnet50-0676ba61.pth')
    with pytest.raises(ImportError, match=r'torchvision://resnet50\.default need the package torchvision'):
        address('torchvision://resnet50.default')


def test_what_is_fetched_is_kept(served: str, tmp_path: Path) -> None:
    CheckpointLoader.load_checkpoint(f'{served}/good.pth', 'cpu')
    (tmp_path / 'served/good.pth').unlink()
    assert 'state_dict' in CheckpointLoader.load_checkpoint(f'{served}/good.pth', 'cpu')


def test_what_is_not_there_is_named(served: str) -> None:
    with pytest.raises(OSError, match=r'none\.pth.*404.* Put the file none\.pth into .*/torch/hub/checkpoints, or '
                       r'train without it: new_config\.py --weights none'):
        CheckpointLoader.load_checkpoint(f'{served}/none.pth', 'cpu')
    with pytest.raises(ValueError, match="no weights torchvision://goood: .*the nearest is 'good'"):
        CheckpointLoader.load_checkpoint('torchvision://goood', 'cpu')
    with pytest.raises(ValueError, match='pavi://a.*path'):
        CheckpointLoader.load_checkpoint('pavi://a', 'cpu')
