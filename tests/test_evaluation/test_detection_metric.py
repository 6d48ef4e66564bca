"""Scores from packed samples, without an annotation file."""
import cv2
import numpy as np
import pytest
import torch
from mmengine.dataset import Compose
from mmengine.evaluator import Evaluator
from mmengine.fileio import dump
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
    """Packed data samples of two images, as the test loop hands them over."""
    with DefaultScope.overwrite_default_scope('mmfusenas'):
        pipeline = Compose(PIPELINE)
        path = str(tmp_path / 'a.png')
        cv2.imwrite(path, np.zeros((96, 128, 3), np.uint8))
        boxes = [[[10, 10, 50, 60], [60, 20, 90, 80]], [[5, 5, 45, 45]]]
        yield [
            pipeline(dict(
                img_id=number, img_path=path, infrared_path=path, height=96, width=128,
                instances=[dict(bbox=box, bbox_label=label, ignore_flag=0) for label, box in enumerate(image)])
            )['data_samples'] for number, image in enumerate(boxes)
        ]


def width_and_height(box):
    """A box of corners as COCO writes it."""
    return [box[0], box[1], box[2] - box[0], box[3] - box[1]]


def evaluate(samples, found, **kwargs):
    """Score ``found[i]`` boxes of each image, as annotated and in its original size."""
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


@pytest.mark.parametrize('ann_file', [False, True])
def test_only_some_images(samples, tmp_path, ann_file):
    samples[0].set_metainfo(dict(condition='night'))
    samples[1].set_metainfo(dict(condition='day'))
    options = {}
    if ann_file:
        annotations = [dict(id=10 * image + label + 1, image_id=image, category_id=label, iscrowd=0,
                            bbox=width_and_height(item['bbox']), area=1.0)
                       for image, sample in enumerate(samples) for label, item in enumerate(sample.instances)]
        options['ann_file'] = str(tmp_path / 'ann.json')
        dump(dict(images=[dict(id=0, width=128, height=96), dict(id=1, width=128, height=96)], annotations=annotations,
                  categories=[dict(id=label, name=name) for label, name in enumerate(CLASSES)]), options['ann_file'])
    night = evaluate(samples, [1, 0], prefix='night', only=dict(condition='night'), classwise=True, **options)
    assert (night['night/person_precision'], night['night/car_precision']) == (1, 0)
    day = evaluate(samples, [2, 0], prefix='day', only=dict(condition='day'), **options)
    assert day['day/bbox_mAP'] == 0


def test_only_of_a_key_that_no_image_has(samples):
    with pytest.raises(ValueError, match=r"No image to score has \{'condition': 'fog'\}"):
        evaluate(samples, [1, 1], only=dict(condition='fog'))


def test_two_images_of_one_number_are_refused(samples):
    samples[1].set_metainfo(dict(img_id=samples[0].img_id, img_path='b.png'))
    with pytest.raises(ValueError, match='b.png with one img_id, 0.*MultiDatasetsEvaluator'):
        evaluate(samples, [2, 1])
