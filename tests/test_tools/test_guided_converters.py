"""The converters of NYU v2 and RGB-D-D, and tiles of satellite scenes."""

import cv2
import numpy as np
import pytest
from scipy.io import savemat

from mmfusenas.datasets import PairDataset
from mmfusenas.utils.command_line import UsageError

GUIDED = [dict(type='mmfusenas.LoadGuidedFromFile')]


def test_nyu_from_arrays(converter, tmp_path):
    generator = np.random.default_rng(0)
    pictures = generator.integers(0, 256, (5, 12, 16, 3)).astype(np.uint8)
    depths = generator.uniform(0.5, 9, (5, 12, 16))
    np.save(tmp_path / 'images.npy', pictures)
    np.save(tmp_path / 'depths.npy', depths)
    arguments = [str(tmp_path / 'images.npy'), str(tmp_path / 'depths.npy'), '--out', str(tmp_path / 'nyu')]
    converter('nyu').main([*arguments, '--training', '3'])
    parts = [PairDataset(data_root=str(tmp_path / 'nyu'), data_prefix=dict(img=f'{part}/rgb', img2=f'{part}/depth'),
                         pipeline=GUIDED) for part in ('train', 'test')]
    assert [len(part) for part in parts] == [3, 2]
    sample = parts[1][0]
    np.testing.assert_array_equal(sample['img'][..., ::-1], pictures[3])
    np.testing.assert_allclose(sample['img2'], depths[3], rtol=1e-6)
    with pytest.raises(UsageError, match='needed are N x H x W x 3'):
        converter('nyu').main([arguments[1], arguments[0], *arguments[2:]])
    with pytest.raises(UsageError, match=r'Give nyu_depth_v2_labeled\.mat'):
        converter('nyu').main([arguments[0], *arguments[2:]])


def test_rgbdd_is_listed_and_read_with_its_own_low_resolution(converter, tmp_path):
    generator = np.random.default_rng(0)
    for part, names in (('train', ('a1', 'a2')), ('test', ('b1', ))):
        for name in names:
            folder = tmp_path / 'models' / f'models_{part}' / name
            folder.mkdir(parents=True)
            cv2.imwrite(str(folder / f'{name}_RGB.jpg'), generator.integers(0, 256, (24, 32, 3)).astype(np.uint8))
            for kind, size in (('LR_fill_depth', (9, 12)), ('HR_gt', (24, 32))):
                cv2.imwrite(str(folder / f'{name}_{kind}.png'), generator.integers(300, 5000, size).astype(np.uint16))
    converter('rgbdd').main([str(tmp_path)])
    data = PairDataset(
        data_root=str(tmp_path), data_prefix=dict(img='train_rgb.txt', img2='train_low.txt', gt='train_high.txt'),
        pipeline=[*GUIDED, dict(type='mmfusenas.DegradeTarget')])
    assert len(data) == 2
    sample = data[1]
    low, high = sample['target_range']
    truth = cv2.imread(str(tmp_path / 'models/models_train/a2/a2_HR_gt.png'), cv2.IMREAD_UNCHANGED)
    np.testing.assert_allclose(sample['gt'] * (high - low) + low, truth, atol=1e-2)
    seen = cv2.imread(str(tmp_path / 'models/models_train/a2/a2_LR_fill_depth.png'), cv2.IMREAD_UNCHANGED)
    assert sample['img2'].shape == (24, 32) and (low, high) == (seen.min(), seen.max())
    (tmp_path / 'models/models_test/b1/b1_HR_gt.png').unlink()
    with pytest.raises(UsageError, match='1 pictures are missing, such as .*b1_HR_gt.png'):
        converter('rgbdd').main([str(tmp_path)])
    with pytest.raises(UsageError, match='is it the root of RGB-D-D'):
        converter('rgbdd').main([str(tmp_path / 'models')])


def test_tiles_of_a_satellite_scene(converter, tmp_path):
    generator = np.random.default_rng(0)
    bands = generator.integers(0, 2048, (20, 30, 4))
    savemat(tmp_path / 's.mat', dict(I_PAN=generator.integers(0, 2048, (80, 120)), I_MS=bands, ratio=4))
    converter('pansharpening').main([str(tmp_path / 's.mat'), '--tile', '8', '--out', str(tmp_path / 'out')])
    files = sorted((tmp_path / 'out/ms').glob('*.npy'))
    assert len(files) == 2 * 3
    np.testing.assert_array_equal(np.load(files[4]), bands[8:16, 8:16])
    with pytest.raises(UsageError, match='--tile 21 does not fit'):
        converter('pansharpening').main([str(tmp_path / 's.mat'), '--tile', '21', '--out', str(tmp_path / 'out')])
