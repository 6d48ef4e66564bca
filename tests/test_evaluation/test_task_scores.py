"""mAP and mIoU of single images are those of mmdet's and mmseg's metrics."""

import numpy as np
import pytest
import torch
from mmengine.logging import MMLogger

from mmfusenas.evaluation.task_scores import class_areas, detection_sample, mean_average_precision, mean_iou

CLASSES = ('person', 'car')


def found(boxes: list, labels: list, scores: list) -> dict[str, np.ndarray]:
    return dict(boxes=np.array(boxes, np.float32).reshape(-1, 4), labels=np.array(labels, int),
                scores=np.array(scores, np.float32))


def there(*boxes: tuple) -> list[dict]:
    return [dict(bbox=list(box), bbox_label=label, ignore_flag=0) for label, box in boxes]


def test_precision_of_two_images(capsys: pytest.CaptureFixture) -> None:
    pytest.importorskip('mmdet')
    people = there((0, (0, 0, 20, 20)))
    right = detection_sample(0, found([(0, 0, 20, 21)], [0], [0.9]), people, (40, 60))
    wrong = detection_sample(1, found([(30, 0, 40, 20)], [0], [0.8]), people, (40, 60))
    car = detection_sample(2, found([(0, 0, 20, 20)], [1], [0.3]), there((1, (0, 0, 20, 20))), (40, 60))
    level = MMLogger.get_current_instance().level
    assert mean_average_precision([right, car], CLASSES) == pytest.approx(1.0)
    # Half of the people are found, before any mistake: 51 of the 101 points of recall, of one of two classes.
    assert mean_average_precision([right, wrong, car], CLASSES) == pytest.approx((51 / 101 + 1) / 2, abs=1e-3)
    assert mean_average_precision([wrong], CLASSES) == 0
    assert np.isnan(mean_average_precision([detection_sample(0, found([], [], []), [], (40, 60))], CLASSES))
    assert mean_average_precision([detection_sample(0, found([], [], []), people, (40, 60))], CLASSES) == 0
    assert capsys.readouterr().out == '' and MMLogger.get_current_instance().level == level


def test_mean_iou_is_mmsegs() -> None:
    iou = pytest.importorskip('mmseg.evaluation').IoUMetric
    random = np.random.default_rng(0)
    areas, theirs = [], []
    for _ in range(3):
        mask, truth = random.integers(0, 4, (2, 11, 13), np.uint8)
        truth[random.random(truth.shape) < 0.1] = 255
        areas.append(class_areas(mask, truth, 5))  # of the fifth class there is nothing
        theirs.append(iou.intersect_and_union(torch.from_numpy(mask), torch.from_numpy(truth), 5, 255))
        assert torch.equal(areas[-1], torch.stack(theirs[-1][:2]).double())
    intersection, union = (sum(image[place] for image in theirs) for place in (0, 1))
    assert mean_iou(areas) == pytest.approx((intersection / union)[:4].mean().item())
