"""Levin's published files become images and kernels."""
import cv2
import numpy as np
import pytest
from mmengine.config import Config
from mmengine.registry import init_default_scope
from scipy.io import savemat
from scipy.signal import fftconvolve

from mmfusenas.core.errors import UserError
from mmfusenas.datasets import LevinDataset
from mmfusenas.datasets.problems import DatasetError
from mmfusenas.datasets.transforms import LoadKernel
from mmfusenas.registry import DATASETS


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
    assert info['reference_path'].endswith('sharp/im05_flit01.png')
    np.testing.assert_allclose(cv2.imread(info['reference_path'], 0) / 255, sharp, atol=1 / 255)
    savemat(tmp_path / 'bad.mat', dict(x=sharp))
    with pytest.raises(UserError, match='lacks y and f'):
        converter('levin').main([str(tmp_path / 'bad.mat'), '--out', str(out)])


@pytest.fixture
def levin(tmp_path):
    """Two images, each with a kernel of its own."""
    init_default_scope('mmfusenas')
    generator = np.random.default_rng(0)
    for name, side in (('im05_flit01', 5), ('im05_flit02', 7)):
        for folder in ('sharp', 'blurred', 'kernel'):
            (tmp_path / folder).mkdir(exist_ok=True)
        image = generator.integers(60, 200, (24, 30), np.uint8)
        cv2.imwrite(str(tmp_path / f'sharp/{name}.png'), image)
        cv2.imwrite(str(tmp_path / f'blurred/{name}.png'), image // 2)
        kernel = generator.random((side, side))
        np.save(tmp_path / f'kernel/{name}.npy', kernel / kernel.sum())
    return tmp_path


def test_a_kernel_that_is_missing_or_none_is_said_with_the_rest(levin):
    (levin / 'kernel/im05_flit01.npy').unlink()
    np.save(levin / 'kernel/im05_flit02.npy', np.ones((4, 4)))
    infos, problems = LevinDataset(data_root=str(levin), lazy_init=True).scan()
    assert len(infos) == 2 and [problem.kind for problem in problems] == ['no kernel'] * 2
    assert 'im05_flit01.npy does not exist' in problems[0].message and 'odd K' in problems[1].message
    with pytest.raises(DatasetError, match='no kernel'):
        LevinDataset(data_root=str(levin))


@pytest.mark.parametrize('row', ['none', 'joint', 'bilevel'])
def test_each_image_is_blurred_by_its_own_kernel(levin, root, monkeypatch, row):
    for name, value in dict(LEVIN_ROOT=str(levin), DATA='levin', GUIDANCE=row, TEST_NOISE='0').items():
        monkeypatch.setenv(name, value)
    config = Config.fromfile(root / 'configs/hyperguidance/deblur.py')
    dataset = DATASETS.build(config.test_dataloader.dataset)
    for i, name in enumerate(('im05_flit01', 'im05_flit02')):
        inputs, kernel = dataset[i]['inputs'], np.load(levin / f'kernel/{name}.npy')
        expected = fftconvolve(cv2.imread(str(levin / f'sharp/{name}.png'), 0).astype(float), kernel, 'valid')
        assert inputs['kernel'].shape[1:] == kernel.shape
        assert np.abs(inputs['visible'][0].numpy() - expected).max() <= 0.51
    metrics = [metric.type for metric in config.test_evaluator]
    assert metrics == ['DeblurMetric', 'NoiseLevelError'][:1 if row == 'none' else 2]


def test_what_the_camera_took_is_tested_as_it_is(levin, root, monkeypatch):
    monkeypatch.setenv('LEVIN_ROOT', str(levin))
    dataset = DATASETS.build(Config.fromfile(
        root / 'configs/hyperguidance/deblur_levin-real.py').test_dataloader.dataset)
    inputs = dataset[0]['inputs']
    assert np.abs(inputs['visible'].float() * 2 - inputs['reference'].float()).max() <= 1
    assert inputs['kernel'].shape[1:] == (5, 5)
