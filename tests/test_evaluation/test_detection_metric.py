"""Scores from packed samples, without an annotation file."""
import cv2
import numpy as np
import pytest
import torch
from mmengine.dataset import Compose
from mmengine.evaluator import Evaluator
from mmengine.registry import DefaultScope
from mmengine.structures import InstanceData

CLASSES = ('person', 'car')
PIPELINE = [
    dict(type='LoadPairFromFile'),
    dict(type='mmdet.LoadAnnotations', with_bbox=True),
    dict(type='JointTransform', transforms=[dict(type='mmdet.Resize', scale=(64, 48), keep_ratio=True)]),
    dict(type='PackPairDetInputs'),
]


@pytest.fixture
def samples(tmp_path):
    """Packed data samples of two pictures, as the test loop hands them over."""
    with DefaultScope.overwrite_default_scope('mmfusenas'):
        pipeline = Compose(PIPELINE)
        path = str(tmp_path / 'a.png')
        cv2.imwrite(path, np.zeros((96, 128, 3), np.uint8))
        boxes = [[[10, 10, 50, 60], [60, 20, 90, 80]], [[5, 5, 45, 45]]]
        yield [
            pipeline(dict(
                img_id=number, img_path=path, img_path2=path, height=96, width=128,
                instances=[dict(bbox=box, bbox_label=label, ignore_flag=0) for label, box in enumerate(picture)])
            )['data_samples'] for number, picture in enumerate(boxes)
        ]


def evaluate(samples, found, **kwargs):
    """Score ``found[i]`` boxes of each picture, as annotated and in its original size."""
    evaluator = Evaluator([dict(type='DetectionMetric', **kwargs)])
    evaluator.dataset_meta = dict(classes=CLASSES)
    for sample, number in zip(samples, found):
        items = sample.instances[:number]
        sample.pred_instances = InstanceData(
            bboxes=torch.tensor([item['bbox'] for item in items]).reshape(-1, 4).float(),
            scores=torch.full((len(items), ), 0.9), labels=torch.tensor([item['bbox_label'] for item in items]).long())
        evaluator.process([sample])
    return evaluator.evaluate(len(samples))


def test_perfect_and_partial_predictions_by_class(samples):
    scores = evaluate(samples, [2, 1], classwise=True)
    assert scores['coco/bbox_mAP'] == scores['coco/bbox_mAP_50'] == 1
    scores = evaluate(samples, [1, 1], classwise=True)
    assert (scores['coco/person_precision'], scores['coco/car_precision']) == (1, 0)
    assert scores['coco/bbox_mAP'] == 0.5 and all(type(score) is float for score in scores.values())


def test_nothing_predicted_scores_zero_under_the_same_names(samples):
    nothing, all_found = evaluate(samples, [0, 0], classwise=True), evaluate(samples, [2, 1], classwise=True)
    assert set(nothing) == set(all_found) and set(nothing.values()) == {0.0}


def test_other_items(samples):
    assert evaluate(samples, [0, 0], metric_items=['mAP_50']) == {'coco/bbox_mAP_50': 0.0}
