"""The built-in scenes in little light: exact, as dark as LOL, and the same scenes as by day."""
import cv2
import numpy as np
import pytest
from mmengine.dataset import pseudo_collate

from mmfusenas.models.data_preprocessors import PairDataPreprocessor
from mmfusenas.registry import DATASETS
from mmfusenas.scenes import SyntheticHazeScenes, SyntheticLowLightScenes, SyntheticLowLightSegScenes, SyntheticScenes
from mmfusenas.scenes.drawing import SEMANTICS, darken, draw_scene

SIZE = (96, 120)


def build(**kwargs):
    return DATASETS.build(dict(type='SyntheticLowLightScenes', **(dict(length=4, size=SIZE) | kwargs)))


def roughness(image):
    """Standard deviation of the noise, from second differences, which cancel what is smooth."""
    second = [[1, -2, 1], [-2, 4, -2], [1, -2, 1]]
    rough = cv2.filter2D(image.astype(np.float32), -1, np.array(second, np.float32) / 6)[1:-1, 1:-1]
    return 1.4826 * np.median(np.abs(rough))


@pytest.fixture(scope='module')
def samples():
    """Sixteen scenes of the usual size."""
    return list(SyntheticLowLightScenes(length=16, seed=3))


# The function

def test_darkening_scales_linear_light():
    ramp = np.tile(np.arange(256, dtype=np.uint8)[:, None], (1, 8))[..., None].repeat(3, 2)
    dark = darken(ramp, 0.04, 0.0, np.random.default_rng(0))
    assert dark.dtype == np.uint8 and dark.flags.c_contiguous
    assert np.array_equal(dark[:, 0, 0], np.floor(np.arange(256) * 0.2 + 0.5))


def test_shot_noise_is_the_same_at_every_level_and_black_is_cut_off():
    for level in (40, 120, 250):
        dark = darken(np.full((80, 90, 3), level, np.uint8), 0.25, 3.0, np.random.default_rng(0))
        assert abs(dark.mean() - level / 2) < 1 and abs(dark.std() - 3) < 0.3
        channels = np.corrcoef(dark.reshape(-1, 3).T.astype(float))
        assert np.abs(channels - np.eye(3)).max() < 0.1
    black = darken(np.zeros((80, 90, 3), np.uint8), 0.25, 3.0, np.random.default_rng(0))
    assert 0 < black.mean() < 4 and (black == 0).mean() > 0.3


# The data set

def test_results_are_a_dark_image_a_reference_and_the_scene():
    dataset = build(length=3, seed=1)
    info, scene = dataset[2], draw_scene(1, 2, SIZE, conditions=('day', ), clean=True)
    assert np.array_equal(info['reference'], scene.visible)
    assert info['img'].shape == info['reference'].shape == (*SIZE, 3)
    assert info['img'].dtype == np.uint8 and 'infrared' not in info and 'infrared_path' not in info
    assert (info['img_path'], info['reference_path']) == (
        'synthetic/normal/1/000002_low', 'synthetic/normal/1/000002_reference')
    day = SyntheticScenes(length=3, size=SIZE, seed=1, conditions=['day'])[2]
    assert info['instances'] == day['instances'] and np.array_equal(info['gt_seg_map'], day['gt_seg_map'])
    assert info['condition'] == 'day' and dataset.metainfo['classes'] == SyntheticScenes.METAINFO['classes']


def test_the_reference_is_clean():
    noisy, clean = (draw_scene(4, 1, SIZE, conditions=('day', ), clean=value) for value in (False, True))
    noise = noisy.visible.astype(int) - clean.visible
    assert abs(noise.mean()) < 0.2 and 2 < noise.std() < 4  # 3 grey levels by day, and nothing else differs
    assert np.array_equal(noisy.infrared, clean.infrared) and np.array_equal(noisy.boxes, clean.boxes)


def test_images_are_as_dark_and_as_noisy_as_those_of_lol(shared, samples):
    paths = sorted((shared / 'reference/ruas/lol/low').glob('*.png'))
    # Brought to the size of the scenes: noise is averaged, darkness stays.
    lol = [cv2.resize(cv2.imread(str(path)), (160, 107), interpolation=cv2.INTER_AREA) for path in paths]
    ours = [sample['img'] for sample in samples]
    levels = [image.mean() for image in ours]
    assert min(levels) < min(image.mean() for image in lol) + 3
    assert abs(np.mean(levels) - np.mean([image.mean() for image in lol])) < 6
    assert max(levels) < 50
    noise = sorted(roughness(image) for image in ours)
    assert noise[0] < 2 and 2 < noise[-1] < 8


def test_most_of_the_objects_stay_visible(samples):
    kept = []
    for sample in samples:
        bright = cv2.GaussianBlur(sample['img'], (0, 0), 1).astype(float)
        bright *= sample['reference'].mean() / bright.mean()
        for item in sample['instances']:
            x1, y1, x2, y2 = map(int, item['bbox'])
            inside = [image[y1:y2, x1:x2].reshape(-1) for image in (bright, sample['reference'])]
            kept.append(np.corrcoef(*inside)[0, 1])
    assert np.mean(np.array(kept) > 0.7) > 0.8


def test_same_seed_same_image_whatever_the_global_state():
    first = build(seed=6)[1]['img']
    np.random.seed(123)
    assert np.array_equal(build(seed=6, cache=True)[1]['img'], first)
    assert not np.array_equal(build(seed=7)[1]['img'], first) and not np.array_equal(build(seed=6)[2]['img'], first)


def test_another_size_is_the_same_light():
    small, large = (SyntheticLowLightScenes(length=2, size=size)[1] for size in ((64, 80), (128, 160)))
    assert abs(small['img'].mean() - large['img'].mean()) < 2


def test_a_cached_scene_is_not_changed_by_the_pipeline():
    def blacken(results):
        results['img'][:], results['reference'][:] = 0, 0
        return results

    dataset = build(cache=True, pipeline=[blacken])
    for _ in range(2):
        assert dataset[1]['reference'].max() == 0
        assert np.array_equal(dataset.get_data_info(1)['reference'], build().get_data_info(1)['reference'])


def test_image_is_the_same_on_a_machine_without_vector_instructions(without_vector_instructions):
    plain = without_vector_instructions("""
from mmfusenas.scenes import SyntheticLowLightScenes
found = [np.dstack([sample['img'], sample['reference']])
         for sample in SyntheticLowLightScenes(length=4, size=(96, 120), seed=3)]
""")
    again = np.array([np.dstack([sample['img'], sample['reference']]) for sample in build(seed=3)])
    assert np.array_equal(plain, again)


@pytest.mark.parametrize('change, message', [
    (dict(exposure=(0, 0.1)), r'exposure of SyntheticLowLightScenes is \(low, high\) above 0 and up to 1, got \(0, 0'),
    (dict(exposure=(0.2, 0.1)), r'got \(0\.2, 0\.1\)'),
    (dict(exposure=(0.2, 1.5)), 'up to 1'),
    (dict(noise=(-1, 2)), r'noise of .* of at least 0, got \(-1, 2\)'),
    (dict(conditions=['dusk']), 'unknown conditions'),
])
def test_what_cannot_be_drawn_is_named(change, message):
    with pytest.raises(ValueError, match=message):
        build(**change)


def test_one_exposure_and_no_noise_is_the_darkened_reference():
    sample = build(exposure=(0.09, 0.09), noise=(0, 0), conditions=('night', 'fog'))[0]
    assert np.abs(sample['img'] - 0.3 * sample['reference']).max() <= 0.51
    assert sample['condition'] in ('night', 'fog')


def test_boxes_and_masks_move_with_image_and_reference():
    pytest.importorskip('mmdet')
    pipeline = [
        dict(type='mmdet.LoadAnnotations', with_bbox=True, with_mask=True),
        dict(type='JointTransform', transforms=[dict(type='mmdet.RandomFlip', prob=1.0)]),
        dict(type='PackPairDetInputs')]
    flipped, plain = build(pipeline=pipeline)[0], build()[0]
    for name, key in (('visible', 'img'), ('reference', 'reference')):
        assert np.array_equal(flipped['inputs'][name].numpy(), plain[key][:, ::-1].transpose(2, 0, 1))
    x1, y1, x2, y2 = plain['instances'][0]['bbox']
    boxes = flipped['data_samples'].gt_instances.bboxes.tensor
    assert boxes[0].tolist() == [SIZE[1] - x2, y1, SIZE[1] - x1, y2]
    batch = PairDataPreprocessor()(pseudo_collate([flipped, flipped]))
    assert list(batch['inputs']) == ['visible', 'reference']


def test_scenes_for_segmentation():
    pytest.importorskip('mmseg')
    dataset = SyntheticLowLightSegScenes(length=2, size=SIZE, pipeline=[dict(type='PackPairSegInputs')])
    assert dataset.metainfo['classes'] == SEMANTICS and len(dataset.metainfo['palette']) == 11
    packed = dataset[0]
    assert packed['data_samples'].gt_sem_seg.data.max() < 11 and sorted(packed['inputs']) == ['reference', 'visible']


@pytest.mark.parametrize('scenes', [SyntheticLowLightScenes, SyntheticHazeScenes])
def test_one_sensor_cannot_be_misaligned(scenes):
    with pytest.raises(ValueError, match=f'{scenes.__name__} has one sensor, and nothing to misalign'):
        scenes(length=1, misalign=2.0)
