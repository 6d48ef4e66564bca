"""Levin's published files become pictures and kernels."""
import cv2
import numpy as np
import pytest
from scipy.io import savemat

from mmfusenas.datasets import LevinDataset
from mmfusenas.datasets.transforms import LoadKernel
from mmfusenas.utils.command_line import UsageError


def test_levin_is_converted_and_read(tmp_path, converter):
    kernel = np.zeros((3, 4))
    kernel[0, 3] = 2.0
    sharp = np.random.default_rng(0).random((20, 25))
    savemat(tmp_path / 'im05_flit01.mat', dict(x=sharp, y=sharp / 2, f=kernel))
    out = tmp_path / 'out'
    converter('levin').main([str(tmp_path / 'im05_flit01.mat'), '--out', str(out)])
    dataset = LevinDataset(data_root=str(out))
    info = LoadKernel()(dataset.get_data_info(0))
    assert info['kernel'].shape == (5, 5) and info['kernel'].sum() == 1 and info['kernel'][3, 0] == 1, 'turned'
    assert info['gt_path'].endswith('sharp/im05_flit01.png')
    np.testing.assert_allclose(cv2.imread(info['gt_path'], 0) / 255, sharp, atol=1 / 255)
    savemat(tmp_path / 'bad.mat', dict(x=sharp))
    with pytest.raises(UsageError, match='lacks y and f'):
        converter('levin').main([str(tmp_path / 'bad.mat'), '--out', str(out)])
