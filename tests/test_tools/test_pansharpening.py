"""The converter of satellite scenes."""
import numpy as np
import pytest
from scipy.io import savemat

from mmfusenas.core.errors import UserError
from mmfusenas.datasets import PairDataset
from mmfusenas.datasets.transforms.degrade_target import resize_bicubic


def scene(path, **changes):
    generator = np.random.default_rng(0)
    savemat(path, {**dict(I_PAN=generator.integers(0, 2048, (48, 64)).astype(np.uint16), ratio=np.uint8(4),
                          I_MS=generator.integers(0, 2048, (12, 16, 8)).astype(np.uint16)), **changes})
    return path


def test_both_go_down_by_their_ratio(converter, tmp_path, capsys):
    path = scene(tmp_path / 'wv2.mat')
    converter('pansharpening').main([str(path), '--out', str(tmp_path / 'train'), '--bands', '2', '3', '5', '7'])
    assert '12 x 16, 4 bands' in capsys.readouterr().out
    data = PairDataset(data_root=str(tmp_path / 'train'), data_prefix=dict(img='pan', target='ms'),
                       pipeline=[dict(type='mmfusenas.LoadGuidedFromFile', bands=True)])
    sample, generator = data[0], np.random.default_rng(0)
    pan = generator.integers(0, 2048, (48, 64)).astype(np.float32)
    bands = generator.integers(0, 2048, (12, 16, 8)).astype(np.float32)
    np.testing.assert_array_equal(sample['target'], bands[..., [1, 2, 4, 6]])
    np.testing.assert_allclose(sample['img'][..., 0], resize_bicubic(pan, (12, 16)))


def test_other_files_are_refused_before_anything_is_written(converter, tmp_path):
    out = tmp_path / 'out'
    good, text = scene(tmp_path / 'good.mat'), tmp_path / 'text.mat'
    text.write_text('no scene')
    for path, options, message in (
            (text, (), 'is no .mat file'), (tmp_path / 'none.mat', (), 'does not exist'),
            (scene(tmp_path / 'small.mat', I_PAN=np.zeros((40, 64))), (), 'not 4 times'),
            (good, ('--bands', '9'), 'has the bands 1 to 8')):
        with pytest.raises(UserError, match=message):
            converter('pansharpening').main([str(good), str(path), '--out', str(out), *options])
    savemat(tmp_path / 'other.mat', dict(x=np.zeros(3)))
    with pytest.raises(UserError, match='lacks I_PAN and I_MS and ratio'):
        converter('pansharpening').main([str(tmp_path / 'other.mat'), '--out', str(out)])
    assert not out.exists()
