"""Packing: own depth, meta keys always there."""
import numpy as np
import pytest
import torch
from mmdet.structures import DetDataSample
from mmengine.dataset import Compose, pseudo_collate

from mmfusenas.datasets.transforms import PackPairDetInputs, PackPairInputs
from mmfusenas.structures import FusionDataSample


def loaded(make_image, **more):
    return dict(img=make_image(0, (24, 32), 3), infrared=make_image(1, (24, 32), dtype=np.uint16), img_id=7,
                img_path='vi/a.png', infrared_path='ir/a.png', ori_shape=(24, 32), **more)


def assert_inputs(inputs, results):
    assert inputs['visible'].dtype == torch.uint8 and inputs['infrared'].dtype == torch.uint16
    assert np.array_equal(inputs['visible'].numpy(), results['img'].transpose(2, 0, 1))
    assert np.array_equal(inputs['infrared'].numpy(), results['infrared'][None])


def test_fusion_packing(make_image):
    results = loaded(make_image)
    packed = PackPairInputs(meta_keys=('condition', ))(dict(results, condition='fog'))
    assert_inputs(packed['inputs'], results)
    assert type(packed['data_samples']) is FusionDataSample
    assert packed['data_samples'].to_dict() == dict(
        img_id=7, img_path='vi/a.png', infrared_path='ir/a.png', ori_shape=(24, 32), img_shape=(24, 32),
        scale_factor=(1.0, 1.0), flip=False, flip_direction=None, condition='fog')


def test_detection_packing(make_image):
    instances = [
        dict(bbox=[1, 2, 9, 8], bbox_label=1, ignore_flag=0), dict(bbox=[3, 3, 6, 6], bbox_label=0, ignore_flag=1)]
    pipeline = Compose([dict(type='mmdet.LoadAnnotations', with_bbox=True), dict(type='PackPairDetInputs')])
    results = loaded(make_image, instances=instances, height=24, width=32)
    packed = pipeline(dict(results))
    assert_inputs(packed['inputs'], results)
    sample = packed['data_samples']
    assert type(sample) is DetDataSample
    assert sample.gt_instances.bboxes.tensor.tolist() == [[1, 2, 9, 8]] and sample.gt_instances.labels.tolist() == [1]
    assert sample.ignored_instances.bboxes.tensor.tolist() == [[3, 3, 6, 6]]
    assert sample.instances == instances and sample.scale_factor == (1.0, 1.0) and sample.infrared_path == 'ir/a.png'


def test_instances_in_the_meta_are_those_of_the_file_after_transforms(make_image):
    pipeline = Compose([
        dict(type='mmdet.LoadAnnotations', with_bbox=True),
        dict(type='JointTransform', transforms=[
            dict(type='mmdet.Resize', scale=(16, 12)), dict(type='mmdet.RandomFlip', prob=1.0)]),
        dict(type='PackPairDetInputs')])
    instances = [dict(bbox=[2, 4, 12, 14], bbox_label=1, ignore_flag=0)]
    sample = pipeline(loaded(make_image, instances=instances))['data_samples']
    assert sample.instances[0]['bbox'] == [2, 4, 12, 14]
    assert sample.gt_instances.bboxes.tensor.tolist() == [[10, 2, 15, 7]]
    assert (sample.scale_factor, sample.flip, sample.flip_direction) == ((0.5, 0.5), True, 'horizontal')
    assert (sample.ori_shape, sample.img_shape) == ((24, 32), (12, 16))


def test_pairs_collate_by_sensor(make_image):
    packed = [PackPairInputs()(loaded(make_image)) for _ in range(2)]
    batch = pseudo_collate(packed)
    assert {name: [tuple(x.shape) for x in images] for name, images in batch['inputs'].items()} == dict(
        visible=[(3, 24, 32)] * 2, infrared=[(1, 24, 32)] * 2)
    assert [sample.img_id for sample in batch['data_samples']] == [7, 7]


@pytest.mark.parametrize('pack', [PackPairInputs, PackPairDetInputs])
def test_flipped_views_pack(make_image, pack):
    results = loaded(make_image)
    results.update(img=results['img'][:, ::-1], infrared=results['infrared'][:, ::-1])  # strides below zero
    assert_inputs(pack()(dict(results))['inputs'], results)


def test_pred_img_must_be_an_image():
    sample = FusionDataSample()
    sample.pred_img = np.zeros((4, 6, 3), np.uint8)
    assert 'pred_img' in sample and sample.get('pred_img').shape == (4, 6, 3)
    with pytest.raises(ValueError, match=r'H x W x 3 of uint8, got ndarray of shape \(3, 4, 6\) and float32'):
        sample.pred_img = np.zeros((3, 4, 6), np.float32)
