"""Loading runs no code; writing never damages what was there."""
import os
import pickle
import resource
from collections import OrderedDict

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer
from mmengine.model import BaseModule
from mmengine.runner.checkpoint import CheckpointLoader, _load_checkpoint
from torch import nn

from mmfusenas.utils.checkpoint import load_checkpoint, save_checkpoint
from mmfusenas.utils.safe_loading import use_safe_loading


@pytest.fixture(autouse=True)
def safely():
    use_safe_loading()


@pytest.fixture(params=['zip', 'legacy', 'plain pickle'])
def malicious_file(request, tmp_path, trap):
    content = dict(meta=dict(epoch=1, iter=1), state_dict=trap)
    path = tmp_path / 'malicious.pth'
    if request.param == 'plain pickle':
        path.write_bytes(pickle.dumps(content, protocol=2))
    else:
        torch.save(content, path, _use_new_zipfile_serialization=request.param == 'zip')
    return path


@pytest.mark.parametrize('load', [load_checkpoint, lambda path: _load_checkpoint(str(path)),
                                  lambda path: CheckpointLoader.load_checkpoint(str(path), 'cpu')])
def test_code_in_a_checkpoint_is_not_run(malicious_file, tmp_path, load):
    with pytest.raises((pickle.UnpicklingError, ValueError), match=r'malicious\.pth') as error:
        load(malicious_file)
    assert not (tmp_path / 'trap').exists()
    if error.type is pickle.UnpicklingError:
        assert 'carries code (posix.mkdir) and was not loaded' in str(error.value)


def test_trap_works(tmp_path, trap):
    # Without which the test above would prove nothing.
    pickle.loads(pickle.dumps(trap))
    assert (tmp_path / 'trap').is_dir()


def test_getattr_reaches_known_methods_only(tmp_path):
    class Getattr:
        def __reduce__(self):
            return getattr, (HistoryBuffer, '__init__')

    torch.save(Getattr(), tmp_path / 'x.pth')
    with pytest.raises(pickle.UnpicklingError, match='carries code .builtins.getattr'):
        load_checkpoint(tmp_path / 'x.pth')


def test_what_stock_files_hold_is_read(tmp_path):
    content = dict(
        state_dict=OrderedDict(weight=torch.arange(3.)), number=np.float64(0.5), flag=np.bool_(True), count=np.int64(7),
        array=np.arange(4, dtype=np.float32), words=np.array(['a', 'bc']), history=HistoryBuffer([1., 2.], [1, 3]),
        text='x', pair=(1, None))
    torch.save(content, tmp_path / 'stock.pth')
    with pytest.raises(pickle.UnpicklingError):
        torch.load(tmp_path / 'stock.pth', weights_only=True)
    read = load_checkpoint(tmp_path / 'stock.pth')
    assert torch.equal(read['state_dict']['weight'], torch.arange(3.))
    assert (read['number'], bool(read['flag']), read['count']) == (0.5, True, 7)
    assert (read['text'], read['pair']) == ('x', (1, None))
    assert read['array'].tolist() == [0, 1, 2, 3] and read['words'].tolist() == ['a', 'bc']
    assert read['history'].data[0].tolist() == [1., 2.] and read['history'].data[1].tolist() == [1, 3]
    assert read['history'].statistics('mean') == 0.75


def test_a_config_as_python_text_is_left_out(tmp_path):
    meta = dict(config="raise RuntimeError('run')", epoch=3)
    torch.save(dict(state_dict={}, meta=meta), tmp_path / 'old.pth')
    for read in (load_checkpoint(tmp_path / 'old.pth'), _load_checkpoint(str(tmp_path / 'old.pth'))):
        assert read['meta'] == dict(epoch=3)


@pytest.mark.parametrize('keep, message', [(0, 'it is empty'), (500, 'damaged, cut off'), (-300, 'damaged, cut off')])
def test_cut_off_file(tmp_path, keep, message):
    torch.save(dict(weight=torch.zeros(1000)), tmp_path / 'whole.pth')
    (tmp_path / 'cut.pth').write_bytes((tmp_path / 'whole.pth').read_bytes()[:keep])
    with pytest.raises(ValueError, match=rf'cut\.pth cannot be read: .*{message}'):
        load_checkpoint(tmp_path / 'cut.pth')


@pytest.mark.parametrize('content', [b'this is text', b'\x89PNG\r\n\x1a\n' + bytes(100), b'<html></html>', bytes(64)])
def test_file_that_is_no_checkpoint(tmp_path, content):
    (tmp_path / 'x.pth').write_bytes(content)
    with pytest.raises(ValueError, match=r'x\.pth cannot be read'):
        load_checkpoint(tmp_path / 'x.pth')


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match='There is no checkpoint file .*nothing.pth'):
        load_checkpoint(tmp_path / 'nothing.pth')


def test_saved_and_read(tmp_path):
    save_checkpoint(dict(state_dict=dict(a=torch.ones(2)), meta=dict(model_cfg='{}')), tmp_path / 'new' / 'x.pth')
    read = torch.load(tmp_path / 'new' / 'x.pth', weights_only=True)
    assert read['state_dict']['a'].tolist() == [1, 1] and read['meta'] == dict(model_cfg='{}')
    assert os.listdir(tmp_path / 'new') == ['x.pth']


def test_a_compressed_file_is_smaller_and_reads_the_same(tmp_path):
    weights = dict(a=torch.randn(300, generator=torch.Generator().manual_seed(0)).half(), b=torch.zeros(500))
    for name, compress in (('plain', False), ('small', True), ('again', True)):
        save_checkpoint(dict(state_dict=weights), tmp_path / name, compress=compress)
    assert (tmp_path / 'small').stat().st_size < (tmp_path / 'plain').stat().st_size - 1900  # the zeros are gone
    assert (tmp_path / 'small').read_bytes() == (tmp_path / 'again').read_bytes()
    read = load_checkpoint(tmp_path / 'small')['state_dict']
    assert list(read) == ['a', 'b'] and all(torch.equal(read[key], weights[key]) for key in read)


def test_foreign_type_is_not_saved(tmp_path):
    save_checkpoint(dict(a=1), tmp_path / 'x.pth')
    with pytest.raises(TypeError, match='given mmengine.logging.history_buffer.HistoryBuffer|given .*HistoryBuffer'):
        save_checkpoint(dict(a=HistoryBuffer([1.], [1])), tmp_path / 'x.pth')
    assert load_checkpoint(tmp_path / 'x.pth') == dict(a=1)
    assert os.listdir(tmp_path) == ['x.pth']


@pytest.fixture
def small_disk():
    """Files of this process may not grow over 20 000 bytes: a write fails half way, as on a full disk."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_full_disk_leaves_the_old_file(tmp_path, small_disk):
    save_checkpoint(dict(a=1), tmp_path / 'x.pth')
    with pytest.raises(OSError, match=r'x\.pth was not written\. .* MB are free there.*--resume') as error:
        save_checkpoint(dict(a=torch.zeros(100_000)), tmp_path / 'x.pth')
    assert error.value.errno
    assert load_checkpoint(tmp_path / 'x.pth') == dict(a=1)
    assert os.listdir(tmp_path) == ['x.pth']


def _pretrained(path, **options):
    model = BaseModule(dict(type='Pretrained', checkpoint=str(path), **options))
    model.first, model.second = nn.Linear(3, 3, bias=False), nn.Linear(3, 1, bias=False)
    return model


def test_a_pretrained_part_is_filled_though_a_head_differs(tmp_path):
    weights = {'first.weight': torch.ones(3, 3), 'second.weight': torch.ones(2, 3)}
    save_checkpoint(dict(state_dict={f'scene.{name}': value for name, value in weights.items()}), tmp_path / 'a.pth')
    model = _pretrained(tmp_path / 'a.pth', prefix='scene.')
    model.init_weights()
    assert (model.first.weight == 1).all() and model.second.weight.shape == (1, 3)


@pytest.mark.parametrize('weights', [
    {'second.weight': torch.ones(1, 3)}, {'first.weight': torch.ones(2, 3), 'second.weight': torch.ones(1, 3)},
    {'scene.first.weight': torch.ones(3, 3), 'scene.second.weight': torch.ones(1, 3)}])
def test_pretrained_weights_of_another_network_are_refused(tmp_path, weights):
    save_checkpoint(dict(state_dict=weights), tmp_path / 'a.pth')
    with pytest.raises(ValueError, match=r'a\.pth fill only \d+% of BaseModule'):
        _pretrained(tmp_path / 'a.pth').init_weights()


@pytest.mark.parametrize('content, kind', [([torch.ones(2)], 'list'), (torch.ones(2), 'Tensor'), ('weights', 'str')])
def test_files_of_something_else(tmp_path, content, kind):
    torch.save(content, tmp_path / 'a.pth')
    with pytest.raises(ValueError, match=rf'a\.pth holds a {kind}; a checkpoint is a dict'):
        load_checkpoint(tmp_path / 'a.pth')
