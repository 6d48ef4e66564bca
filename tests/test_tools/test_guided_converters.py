"""The converters of NYU v2 and RGB-D-D, and tiles of satellite scenes."""

import cv2
import numpy as np
import pytest
from scipy.io import savemat

from mmfusenas.core.errors import UserError
from mmfusenas.datasets import PairDataset

GUIDED = [dict(type='mmfusenas.LoadGuidedFromFile')]


def test_nyu_from_arrays(converter, tmp_path):
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (5, 12, 16, 3)).astype(np.uint8)
    depths = generator.uniform(0.5, 9, (5, 12, 16))
    np.save(tmp_path / 'images.npy', images)
    np.save(tmp_path / 'depths.npy', depths)
    arguments = [str(tmp_path / 'images.npy'), str(tmp_path / 'depths.npy'), '--out', str(tmp_path / 'nyu')]
    converter('nyu').main([*arguments, '--num-train', '3'])
    parts = [PairDataset(data_root=str(tmp_path / 'nyu'), data_prefix=dict(img=f'{part}/rgb', target=f'{part}/depth'),
                         pipeline=GUIDED) for part in ('train', 'test')]
    assert [len(part) for part in parts] == [3, 2]
    sample = parts[1][0]
    np.testing.assert_array_equal(sample['img'][..., ::-1], images[3])
    np.testing.assert_allclose(sample['target'], depths[3], rtol=1e-6)
    with pytest.raises(UserError, match='needed are N x H x W x 3'):
        converter('nyu').main([arguments[1], arguments[0], *arguments[2:]])
    with pytest.raises(UserError, match=r'Give nyu_depth_v2_labeled\.mat'):
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
        data_root=str(tmp_path),
        data_prefix=dict(img='train_rgb.txt', target='train_low.txt', reference='train_high.txt'),
        pipeline=[*GUIDED, dict(type='mmfusenas.DegradeTarget')])
    assert len(data) == 2
    sample = data[1]
    low, high = sample['target_range']
    truth = cv2.imread(str(tmp_path / 'models/models_train/a2/a2_HR_gt.png'), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(sample['reference'], truth)
    seen = cv2.imread(str(tmp_path / 'models/models_train/a2/a2_LR_fill_depth.png'), cv2.IMREAD_UNCHANGED)
    assert sample['target'].shape == (24, 32) and (low, high) == (seen.min(), seen.max())
    folders = dict(img='train/rgb', target='train/depth')
    laid_out = PairDataset(data_root=str(tmp_path), data_prefix=folders, pipeline=GUIDED)
    assert len(laid_out) == 2
    np.testing.assert_array_equal(laid_out[1]['target'], truth)
    converter('rgbdd').main([str(tmp_path)])  # once more
    (tmp_path / 'models/models_test/b1/b1_HR_gt.png').unlink()
    with pytest.raises(UserError, match='1 images are missing, such as .*b1_HR_gt.png'):
        converter('rgbdd').main([str(tmp_path)])
    with pytest.raises(UserError, match='is it the root of RGB-D-D'):
        converter('rgbdd').main([str(tmp_path / 'models')])


def test_tiles_of_a_satellite_scene(converter, tmp_path):
    generator = np.random.default_rng(0)
    bands = generator.integers(0, 2048, (20, 30, 4))
    savemat(tmp_path / 's.mat', dict(I_PAN=generator.integers(0, 2048, (80, 120)), I_MS=bands, ratio=4))
    converter('pansharpening').main([str(tmp_path / 's.mat'), '--tile', '8', '--out', str(tmp_path / 'out')])
    files = sorted((tmp_path / 'out/ms').glob('*.npy'))
    assert len(files) == 2 * 3
    np.testing.assert_array_equal(np.load(files[4]), bands[8:16, 8:16])
    with pytest.raises(UserError, match='--tile 21 does not fit'):
        converter('pansharpening').main([str(tmp_path / 's.mat'), '--tile', '21', '--out', str(tmp_path / 'out')])


def write_sintel(root, image, depth):
    (root / 'depth/alley').mkdir(parents=True)
    (root / 'clean/alley').mkdir(parents=True)
    cv2.imwrite(str(root / 'clean/alley/frame_0001.png'), image)
    head = np.float32(202021.25).tobytes() + np.int32(depth.shape[1]).tobytes() + np.int32(depth.shape[0]).tobytes()
    (root / 'depth/alley/frame_0001.dpt').write_bytes(head + depth.astype('<f4').tobytes())


def write_diode(root, image, depth):
    folder = root / 'scene_00019/scan_00183'
    folder.mkdir(parents=True)
    cv2.imwrite(str(folder / 'a.png'), image)
    # Where the mask is 0 the file may hold anything.
    np.save(folder / 'a_depth.npy', np.where(depth > 0, depth, 77)[..., None])
    np.save(folder / 'a_depth_mask.npy', (depth > 0).astype(float))


def write_sunrgbd(root, image, depth):
    for name in ('SUNRGBDtoolbox/traintestSUNRGBD', 'SUNRGBD/kv1/b1/image', 'SUNRGBD/kv1/b1/depth_bfx'):
        (root / name).mkdir(parents=True)
    cells = np.empty((1, 1), object)
    cells[0, 0] = '/n/fs/sun3d/data/SUNRGBD/kv1/b1/'
    savemat(root / 'SUNRGBDtoolbox/traintestSUNRGBD/allsplit.mat', dict(alltest=cells, alltrain=cells))
    millimetres = np.rint(depth * 1000).astype(np.uint16)
    cv2.imwrite(str(root / 'SUNRGBD/kv1/b1/image/x.png'), image)
    cv2.imwrite(str(root / 'SUNRGBD/kv1/b1/depth_bfx/x.png'), (millimetres << 3) | (millimetres >> 13))


def write_diml(root, image, depth):
    for name in ('color', 'depth_filled'):
        (root / 'office' / name).mkdir(parents=True)
    cv2.imwrite(str(root / 'office/color/in_1_c.png'), image)
    cv2.imwrite(str(root / 'office/depth_filled/in_1_depth_filled.png'), np.rint(depth * 1000).astype(np.uint16))


def write_rgbdd(root, image, depth):
    folder = root / 'plants/plants_test/p7'
    folder.mkdir(parents=True)
    # Without loss, so that it can be compared; what a file holds is seen by its content, not its name.
    (folder / 'p7_RGB.jpg').write_bytes(cv2.imencode('.png', image)[1].tobytes())
    cv2.imwrite(str(folder / 'p7_HR_gt.png'), np.rint(depth * 1000).astype(np.uint16))


@pytest.mark.parametrize('write', [write_sintel, write_diode, write_sunrgbd, write_diml, write_rgbdd],
                         ids=lambda write: write.__name__[6:])
def test_depth_sets(converter, tmp_path, write):
    generator = np.random.default_rng(0)
    image = generator.integers(0, 256, (12, 16, 3)).astype(np.uint8)
    depth = np.rint(generator.uniform(9, 60, (12, 16)) * 1000) / 1000  # above 8.191: SUN's turned bits carry over
    depth[:, 15] = 0  # not measured
    write(tmp_path / 'raw', image, depth)
    converter('depth_sets').main([write.__name__[6:], str(tmp_path / 'raw'), '--out', str(tmp_path / 'out')])
    data = PairDataset(data_root=str(tmp_path / 'out'), data_prefix=dict(img='test/rgb', target='test/depth'),
                       pipeline=GUIDED)
    assert len(data) == 1
    np.testing.assert_array_equal(data[0]['img'], image)
    np.testing.assert_allclose(data[0]['target'][:, :15], depth[:, :15], atol=1e-5)
    np.testing.assert_array_equal(data[0]['target'][:, 15], data[0]['target'][:, 14])


def test_disparities_of_middlebury(converter, tmp_path, capsys):
    (tmp_path / 'raw/Aloe').mkdir(parents=True)
    disparity = np.arange(1, 193, dtype=np.uint8).reshape(12, 16)
    cv2.imwrite(str(tmp_path / 'raw/Aloe/view1.png'), np.zeros((12, 16, 3), np.uint8))
    cv2.imwrite(str(tmp_path / 'raw/Aloe/disp1.png'), disparity)
    converter('depth_sets').main(['middlebury', str(tmp_path / 'raw'), '--out', str(tmp_path / 'out')])
    np.testing.assert_array_equal(np.load(tmp_path / 'out/test/depth/Aloe.npy'), disparity)
    assert f'--cfg-options test_dataloader.dataset.data_root={tmp_path}/out' in capsys.readouterr().out
    cv2.imwrite(str(tmp_path / 'raw/Aloe/disp1.png'), disparity.astype(np.uint16))
    with pytest.raises(UserError, match='holds uint16 of the shape .* here it is uint8'):
        converter('depth_sets').main(['middlebury', str(tmp_path / 'raw'), '--out', str(tmp_path / 'out')])


def test_depth_sets_say_what_is_wrong(converter, tmp_path):
    tool, out = converter('depth_sets'), ['--out', str(tmp_path / 'out')]
    with pytest.raises(UserError, match='has no pair of diml'):
        tool.main(['diml', str(tmp_path), *out])
    depth = np.ones((12, 16))
    write_sintel(tmp_path / 'cut', np.zeros((12, 16, 3), np.uint8), depth)
    file = tmp_path / 'cut/depth/alley/frame_0001.dpt'
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(UserError, match='is no depth map of MPI Sintel'):
        tool.main(['sintel', str(tmp_path / 'cut'), *out])
    write_diml(tmp_path / 'empty', np.zeros((12, 16, 3), np.uint8), 0 * depth)
    with pytest.raises(UserError, match='nothing was measured'):
        tool.main(['diml', str(tmp_path / 'empty'), *out])
    write_diml(tmp_path / 'sizes', np.zeros((12, 18, 3), np.uint8), depth)
    with pytest.raises(UserError, match='is 16 x 12, .* is 18 x 12'):
        tool.main(['diml', str(tmp_path / 'sizes'), *out])
