"""The crop in which an object has about the size of an anchor."""
import numpy as np
import pytest
import torch

from mmfusenas.core.errors import InputError
from mmfusenas.datasets.transforms import AnchorSamplingCrop, JointTransform
from mmfusenas.registry import TASK_UTILS

boxes = pytest.importorskip('mmdet.structures.bbox')
ANCHORS = (8, 16, 32)


def sample(box, size=(150, 200)):
    """White where the object is, black elsewhere."""
    img = np.zeros((*size, 3), np.uint8)
    left, top, right, bottom = box
    img[top:bottom, left:right] = 255
    return dict(img=img, gt_bboxes=boxes.HorizontalBoxes(torch.tensor([box], dtype=torch.float32)))


def test_the_object_is_where_its_box_says_and_whole_where_it_fits():
    scales = []
    for seed in range(60):
        np.random.seed(seed)
        left, top, side = np.random.randint((0, 0, 5), (180, 130, 20))
        box = (left, top, left + side, top + side)
        found = AnchorSamplingCrop(64, ANCHORS)(sample(box))
        assert found['img'].shape == (64, 64, 3) and found['img_shape'] == (64, 64)
        moved = found['gt_bboxes'].tensor[0].numpy()
        scales.append((moved[2] - moved[0]) / side)
        if moved[2] - moved[0] > 62:
            continue
        assert moved.min() >= -1e-3 and moved.max() <= 64.001
        rows, columns = np.nonzero(found['img'][..., 0] > 127)
        np.testing.assert_allclose(moved, [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1],
                                   atol=0.6 * scales[-1] + 0.6)
    assert min(scales) < 0.7 and max(scales) > 2


def test_sizes_go_to_anchors_up_to_the_next_larger_one():
    sizes = {}
    for side in (10, 40):
        found = []
        for seed in range(300):
            np.random.seed(seed)
            cut = AnchorSamplingCrop(64, ANCHORS)(sample((20, 20, 20 + side, 20 + side)))
            found.append(float(cut['gt_bboxes'].widths))
        sizes[side] = np.array(found)
    # Nearest anchor 8: 8 and 16 are drawn, each by half to twice. Nearest 32, the largest: all three.
    assert 3.5 < sizes[10].min() < 5 and 28 < sizes[10].max() < 33
    assert 3.5 < sizes[40].min() < 5 and 56 < sizes[40].max() < 65
    assert np.mean(sizes[10] < 8) == pytest.approx(0.5 / 3, abs=0.06)  # of 4-16 and 8-32: half of a third


def test_pairs_are_cut_together_and_without_objects_at_their_own_scale():
    given = sample((30, 30, 50, 50))
    given['infrared'] = given['img'][..., 0].copy()
    np.random.seed(0)
    found = JointTransform([dict(type='AnchorSamplingCrop', size=64, anchors=ANCHORS)])(given)
    np.testing.assert_array_equal(found['infrared'], found['img'][..., 0])
    empty = sample((30, 30, 50, 50))
    empty['gt_bboxes'] = boxes.HorizontalBoxes(torch.zeros(0, 4))
    found = AnchorSamplingCrop(64, ANCHORS)(empty)
    assert found['scale_factor'] == (1, 1) and found['img'].shape == (64, 64, 3)


@pytest.mark.parametrize('options', [dict(size=0), dict(anchors=(16, 8)), dict(anchors=())], ids=str)
def test_what_is_no_size_is_named(options):
    with pytest.raises(InputError, match='AnchorSamplingCrop got'):
        AnchorSamplingCrop(**options)


def test_objects_with_few_anchors_get_the_nearest_free_ones():
    """S3FD's second stage by the paper's text: N the mean of the first stage, IoU above 0.1, the largest first."""
    from mmengine.structures import InstanceData
    anchors = torch.rand(400, 4, generator=torch.Generator().manual_seed(0)) * torch.tensor([90, 90, 20, 20])
    anchors[:, 2:] += anchors[:, :2] + 4
    objects = torch.tensor([[10.0, 10, 40, 40], [50, 50, 58, 58], [70, 20, 95, 40], [20, 70, 24, 74]])
    options = dict(pos_iou_thr=0.3, neg_iou_thr=0.3, min_pos_iou=0.0, gt_max_assign_all=False,
                   iou_calculator=dict(type='mmdet.BboxOverlaps2D'))
    given = InstanceData(priors=anchors), InstanceData(bboxes=objects, labels=torch.tensor([3, 2, 1, 0]))
    first = TASK_UTILS.build(dict(type='mmdet.MaxIoUAssigner', **options)).assign(*given)
    both = TASK_UTILS.build(dict(type='ScaleCompensationAssigner', **options)).assign(*given)
    iou = TASK_UTILS.build(dict(type='mmdet.BboxOverlaps2D'))(objects, anchors).numpy()
    expected = first.gt_inds.numpy().copy()
    counts = [int((expected == k + 1).sum()) for k in range(4)]
    target = sum(counts) // 4
    assert min(counts) < target < max(counts)
    for k in range(4):
        free = [i for i in np.argsort(-iou[k]) if expected[i] <= 0 and iou[k, i] > 0.1]
        expected[free[:max(target - counts[k], 0)]] = k + 1
    np.testing.assert_array_equal(both.gt_inds, expected)
    assert (expected > 0).sum() > (first.gt_inds > 0).sum()
    taken = both.gt_inds > 0
    assert torch.equal(both.labels[taken], torch.tensor([3, 2, 1, 0])[both.gt_inds[taken] - 1])
    none = TASK_UTILS.build(dict(type='ScaleCompensationAssigner', **options)).assign(
        given[0], InstanceData(bboxes=torch.zeros(0, 4), labels=torch.zeros(0, dtype=torch.long)))
    assert not none.gt_inds.any()
    with pytest.raises(InputError, match='compensation_iou_thr=0.5'):
        TASK_UTILS.build(dict(type='ScaleCompensationAssigner', compensation_iou_thr=0.5, **options))
