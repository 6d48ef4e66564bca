"""Data of the restoration systems: published layouts, and transforms that make poor images of good ones."""
import cv2
import numpy as np
import pytest

from mmfusenas.datasets import BSDSDataset, PairDataset, Rain100Dataset, RESIDEDataset, UIEBDataset
from mmfusenas.datasets.images import ImageError
from mmfusenas.datasets.problems import DatasetError
from mmfusenas.datasets.transforms import (
    BlurAndNoise,
    Darken,
    JointTransform,
    LoadKernel,
    LoadPairFromFile,
    RainStreaks,
    RandomQuarterTurn,
)
from mmfusenas.datasets.transforms.blur_and_noise import motion_kernel
from mmfusenas.scenes import SyntheticHazeScenes
from mmfusenas.scenes.drawing import draw_scene


def write(path, size=(24, 32)):
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8))


def names(dataset):
    return sorted(tuple(info[key].rpartition('/')[2] for key in ('img_path', 'reference_path') if key in info)
                  for info in dataset)


# Published sets

def test_reside_has_several_hazy_images_of_a_clear_one(tmp_path):
    for name in ('1400_1.png', '1400_2.png', '1401_1.png'):
        write(tmp_path / 'SOTS/indoor/hazy' / name)
    for name in ('1400.png', '1401.png', '1402.png'):
        write(tmp_path / 'SOTS/indoor/gt' / name)
    write(tmp_path / 'SOTS/outdoor/hazy/0001_0.8_0.2.jpg')
    write(tmp_path / 'SOTS/outdoor/gt/0001.png')
    assert names(RESIDEDataset('sots-indoor', data_root=str(tmp_path))) == [
        ('1400_1.png', '1400.png'), ('1400_2.png', '1400.png'), ('1401_1.png', '1401.png')]
    assert names(RESIDEDataset('sots-outdoor', data_root=str(tmp_path))) == [('0001_0.8_0.2.jpg', '0001.png')]
    (tmp_path / 's.txt').write_text('1400_2\n')
    assert names(RESIDEDataset('sots-indoor', data_root=str(tmp_path), split='s.txt')) == [('1400_2.png', '1400.png')]
    (tmp_path / 'SOTS/indoor/gt/1401.png').unlink()
    with pytest.raises(DatasetError, match=r"without a partner \(1\):\n.*1401_1.png: no clear image '1401'"):
        RESIDEDataset('sots-indoor', data_root=str(tmp_path))
    with pytest.raises(ValueError, match="subset='sots'; it knows"):
        RESIDEDataset('sots')


def test_folds_of_reside_share_no_scene_and_larger_references_lose_their_border(tmp_path):
    for scene in range(4):
        write(tmp_path / f'ITS/clear/{scene}.png', (40, 50))
        for k in range(3):
            write(tmp_path / f'ITS/hazy/{scene}_{k}.png', (30, 46))
    root = dict(data_root=str(tmp_path))
    folds = [names(RESIDEDataset(every_nth=(k, 2), **root)) for k in (0, 1)]
    assert [len(fold) for fold in folds] == [6, 6]
    assert not {clear for _, clear in folds[0]} & {clear for _, clear in folds[1]}
    info = RESIDEDataset(**root).get_data_info(0)
    whole = cv2.imread(info['reference_path'])
    assert np.array_equal(LoadPairFromFile(crop_reference=True)(dict(info))['reference'], whole[5:35, 2:48])
    with pytest.raises(ValueError, match='differ in size'):
        LoadPairFromFile()(dict(info))


def test_uieb_rain100_and_bsds_as_published(tmp_path):
    for folder in ('raw-890', 'reference-890'):
        write(tmp_path / folder / '12_img_.png')
    assert names(UIEBDataset(data_root=str(tmp_path))) == [('12_img_.png', '12_img_.png')]
    write(tmp_path / 'rainy/rain-001.png')
    write(tmp_path / 'norain/norain-001.png')
    assert names(Rain100Dataset(data_root=str(tmp_path), data_prefix=dict(img='rainy', reference='norain'))) == [
        ('rain-001.png', 'norain-001.png')]
    write(tmp_path / 'BSDS500/data/images/val/100.jpg')
    assert names(BSDSDataset('val', data_root=str(tmp_path))) == [('100.jpg',)]
    with pytest.raises(ValueError, match="subset='all'"):
        BSDSDataset('all')


def test_a_fold_beside_what_is_left_out_never_reads_it(tmp_path):
    for i in range(16):
        write(tmp_path / 'vi' / f'{i:02d}.png', (8, 8))
    root = dict(data_root=str(tmp_path), data_prefix=dict(img='vi'))
    test = set(names(PairDataset(every_nth=(0, 4), **root)))
    halves = [set(names(PairDataset(every_nth=(k, 2), except_nth=(0, 4), **root))) for k in (0, 1)]
    assert len(test) == 4 and not test & (halves[0] | halves[1]) and not halves[0] & halves[1]
    assert len(halves[0] | halves[1]) == 12


def test_the_images_at_hand(shared):
    rain = Rain100Dataset(data_root=str(shared / 'data/rain'))
    water = UIEBDataset(data_root=str(shared / 'data/underwater'), data_prefix=dict(img='low', reference='reference'))
    assert len(rain) == 3 and len(water) == 16


@pytest.mark.parametrize('kernel, match', [
    (np.ones((2, 2)), r'\(2, 2\); a blur kernel is K x K with an odd K'), (np.zeros((3, 3)), 'not all of them 0'),
    (-np.ones((3, 3)), 'at least 0')])
def test_kernels_that_are_none(tmp_path, kernel, match):
    np.save(tmp_path / 'k.npy', kernel)
    with pytest.raises(ImageError, match=match):
        LoadKernel()(dict(kernel_path=str(tmp_path / 'k.npy')))
    with pytest.raises(ImageError, match='none.npy does not exist'):
        LoadKernel()(dict(kernel_path='none.npy'))


# Drawn data

def test_haze_is_its_equation():
    dataset = SyntheticHazeScenes(length=3, size=(64, 80), density=(0.02, 0.02), light=(0.8, 0.8))
    for i in range(3):
        info = dataset.get_data_info(i)
        depth = np.minimum(draw_scene(0, i, (64, 80), 'normal', ('day',), 0.0, True).depth, 80)[..., None]
        t = np.exp(-0.02 * depth)
        expected = info['reference'] * t + 255 * 0.8 * (1 - t)
        assert np.abs(info['img'] - expected).max() <= 0.51
        again = dataset.get_data_info(i)
        assert np.array_equal(info['img'], again['img'])
    assert info['reference_path'].endswith('_clear') and 'infrared_path' not in info
    for wrong in (dict(density=(0.2, 0.1)), dict(light=(0.5, 1.5))):
        with pytest.raises(ValueError, match='SyntheticHazeScenes got density'):
            SyntheticHazeScenes(length=1, **wrong)


def random_image(size=(60, 70), seed=0):
    return np.random.default_rng(seed).integers(0, 200, (*size, 3), dtype=np.uint8)


@pytest.mark.parametrize('transform', [Darken, RainStreaks, BlurAndNoise])
def test_poor_images_are_a_function_of_seed_and_number(transform):
    def make(number, **options):
        return transform(**options)(dict(img=random_image(), img_id=number))

    same, other = make(1, seed=0), make(2, seed=0)
    assert np.array_equal(make(1, seed=0)['img'], same['img'])
    assert same['img'].shape != other['img'].shape or not np.array_equal(same['img'], other['img'])
    np.random.seed(3)
    drawn = make(1)
    np.random.seed(3)
    assert np.array_equal(make(1)['img'], drawn['img'])
    assert not (make(1)['img'].shape == drawn['img'].shape and np.array_equal(make(1)['img'], drawn['img']))


def test_rain_only_brightens():
    sample = RainStreaks(seed=0)(dict(img=random_image(), img_id=0))
    more = sample['img'].astype(int) - sample['reference']
    assert more.min() == 0 and more.max() > 20 and 0.01 < (more > 5).mean() < 0.9
    assert (np.ptp(more, axis=2)[sample['img'].max(2) < 255] == 0).all(), 'streaks have no colour'


def test_blur_keeps_what_is_seen_and_noise_has_its_level():
    flat = np.full((90, 100, 3), 120, np.uint8)
    sample = BlurAndNoise(size=(64, 64), noise=(0.04, 0.04), kernel_size=(15,), seed=0)(
        dict(img=flat, infrared=flat[..., 0], img_id=0))
    assert sample['img'].shape == sample['reference'].shape == sample['noise'].shape == (64, 64)
    assert 'infrared' not in sample and sample['kernel'].shape == (15, 15)
    assert sample['noise'] == pytest.approx(0.04 * 255) and sample['kernel'].sum() == pytest.approx(1)
    assert sample['img'].astype(float).std() == pytest.approx(0.04 * 255, rel=0.05)
    colour = BlurAndNoise(noise=(0, 0), grey=False, blur=False)(dict(img=random_image(), img_id=0))
    assert np.array_equal(colour['img'], colour['reference']) and colour['kernel'].shape == (1, 1)
    with pytest.raises(ValueError, match=r'\(20, 70\) is too small'):
        BlurAndNoise(size=(20, 20), kernel_size=(15,))(dict(img=random_image((20, 70)), img_id=0))


def test_blur_is_a_convolution_of_the_reference(tmp_path):
    kernel = np.zeros((3, 3), np.float32)
    kernel[0, 1] = 5.0  # what is seen lies one row below what there was
    np.save(tmp_path / 'k.npy', kernel)
    image = random_image((30, 40))
    sample = BlurAndNoise(noise=(0, 0), kernels=str(tmp_path), grey=False)(dict(img=image, img_id=0))
    assert np.array_equal(sample['img'], image[2:, 1:-1]) and np.array_equal(sample['reference'], image[1:-1, 1:-1])
    np.save(tmp_path / 'k.npy', np.ones((3, 5)))
    with pytest.raises(ImageError, match='K x K with an odd K'):
        BlurAndNoise(kernels=str(tmp_path))
    with pytest.raises(FileNotFoundError, match='has no kernel'):
        BlurAndNoise(kernels=str(tmp_path / 'none'))


@pytest.mark.parametrize('side', [9, 13, 27])
def test_motion_kernels_are_lines_in_the_middle(side):
    for seed in range(5):
        kernel = motion_kernel(np.random.default_rng(seed), side)
        assert kernel.shape == (side, side) and kernel.sum() == pytest.approx(1) and kernel.min() >= 0
        centre = [(kernel.sum(axis) * np.arange(side)).sum() - side // 2 for axis in (0, 1)]
        assert np.abs(centre).max() < 1 and (kernel > kernel.max() / 20).mean() < 0.6


def test_darkness_of_the_images_of_lol():
    bright = np.full((60, 60, 3), 130, np.uint8)
    means = [Darken(seed=0)(dict(img=bright, img_id=i))['img'].mean() for i in range(20)]
    assert 5 < min(means) < max(means) < 35


def test_a_power_leaves_what_is_bright():
    image = random_image((60, 60))
    image[:30] = 255
    plain, raised = (Darken(exposure=(1, 1), noise=(0, 0), power=(power, power))(dict(img=image))['img']
                     for power in (1.0, 2.0))
    assert np.array_equal(plain, image) and (raised[:30] == 255).all()
    assert np.abs(raised - image / 255 * image).max() <= 0.51


@pytest.mark.parametrize('transform', [Darken, RainStreaks, BlurAndNoise])
def test_grey_levels_of_16_bit_are_not_cut_off(transform):
    with pytest.raises(ValueError, match=f'{transform.__name__} takes images of 8 bit; a.png is uint16'):
        transform()(dict(img=np.full((60, 60, 3), 30000, np.uint16), img_path='a.png'))


@pytest.mark.parametrize('transform, options', [
    (Darken, dict(exposure=(0.2, 0.1))), (Darken, dict(noise=(-1, 1))), (Darken, dict(power=(0.5, 1))),
    (RainStreaks, dict(amount=(0.5, 2))), (RainStreaks, dict(length=(9, 5))), (BlurAndNoise, dict(kernel_size=(4,))),
    (BlurAndNoise, dict(kernel_size=(3,))), (BlurAndNoise, dict(noise=(0.2, 0.1))),
    (BlurAndNoise, dict(noise=(1, 5)))])
def test_ranges_that_are_none(transform, options):
    with pytest.raises(ValueError, match=f'{transform.__name__} got'):
        transform(**options)


def test_quarter_turns_turn_pair_and_reference_alike():
    turn = JointTransform([dict(type='RandomQuarterTurn')])
    seen = set()
    for seed in range(12):
        np.random.seed(seed)
        image = random_image((6, 6))
        sample = turn(dict(img=image.copy(), infrared=image[..., 0].copy(), reference=image.copy()))
        turns = [k for k in range(4) if np.array_equal(np.rot90(image, k), sample['img'])]
        assert len(turns) == 1 and np.array_equal(sample['reference'], sample['img'])
        assert np.array_equal(sample['infrared'], sample['img'][..., 0])
        seen.update(turns)
    assert seen == {0, 1, 2, 3}
    with pytest.raises(ValueError, match='does not move boxes'):
        RandomQuarterTurn()(dict(img=image, gt_bboxes=[]))
