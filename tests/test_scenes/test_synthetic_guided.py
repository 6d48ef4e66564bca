"""The built-in scenes as guide and target."""
import numpy as np
import pytest

from mmfusenas.scenes import SyntheticGuidedScenes, SyntheticScenes
from mmfusenas.scenes.drawing import SEMANTICS

SIZE = (96, 120)


def build(target, **options):
    return SyntheticGuidedScenes(target, length=6, size=SIZE, **options)


@pytest.mark.parametrize('target', ['depth', 'thermal', 'saliency'])
def test_the_guide_is_the_visible_image_of_the_same_scene(target):
    plain = SyntheticScenes(length=6, size=SIZE, conditions=('day', ))
    for index in (0, 5):
        sample, scene = build(target)[index], plain[index]
        assert np.array_equal(sample['img'], scene['img'])
        assert sample['target'].dtype == np.float32 and sample['target'].shape == SIZE
        assert sample['target_path'].endswith(f'{index:06d}_{target}')
        assert np.array_equal(sample['target'], build(target)[index]['target'])


def test_depth_is_in_metres():
    for sample in build('depth'):
        depth, seen = sample['target'], sample['gt_seg_map']
        assert 0 < depth.min() and depth.max() <= 80
        assert (depth[seen == SEMANTICS.index('sky')] == 80).all()
        road = np.where(seen == SEMANTICS.index('road'), depth, np.nan)
        rows = np.nanmean(road[np.isfinite(road).any(1)], axis=1)
        assert (np.diff(rows) < 1e-3).mean() > 0.9  # a road comes nearer from the top of the image to the bottom


def test_an_object_is_nearer_than_the_road_above_its_feet():
    nearer = []
    for sample in build('depth', difficulty='easy'):
        for instance in sample['instances']:
            left, top, right, bottom = map(int, instance['bbox'])
            middle = (left + right) // 2
            nearer.append(sample['target'][(top + bottom) // 2, middle] <= sample['target'][:bottom, middle].max())
    assert nearer and np.mean(nearer) > 0.9


def test_thermal_is_the_infrared_image_and_saliency_the_objects():
    plain = SyntheticScenes(length=6, size=SIZE, conditions=('day', ))
    for index in (0, 5):
        assert np.array_equal(build('thermal')[index]['target'], plain[index]['infrared'])
        saliency = build('saliency')[index]['target']
        objects = plain.scene(index).instance_map > 0
        assert np.array_equal(saliency, 255.0 * objects) and objects.any()


def test_another_target_is_refused():
    with pytest.raises(ValueError, match="target='deep'; it knows"):
        build('deep')
