# MSRS road scenes with segmentation maps, nine classes; 640 x 480, trained on crops of 320 x 256.
from os.path import isdir

_base_ = ['./mfnet_seg.py', './msrs_folds.py']
# The maps are in Segmentation_labels as published, or in seg.
maps = 'seg' if isdir(f'{_base_.msrs_root}/train/seg') else 'Segmentation_labels'
crop = dict(_base_.crop, crop_size=(256, 320))
train_pipeline = [
    *_base_.load, *_base_.failures, dict(type='JointTransform', transforms=[_base_.rotate, crop, _base_.flip]),
    _base_.pack]
train_set, test_set = (
    dict(_delete_=True, type='MSRSSegDataset', data_root=_base_.msrs_root, kfold=part['kfold'],
         data_prefix={key: [f'{folder}/{name}' for folder in part['folders']]
                      for key, name in dict(img='vi', infrared='ir', seg=maps).items()})
    for part in _base_.subsets.values())
train_dataloader = dict(batch_size=4, dataset=dict(train_set, pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(test_set, test_mode=True, pipeline=_base_.test_pipeline))
test_dataloader = val_dataloader
test_evaluator = [
    _base_.val_evaluator, dict(type='FusionMetric', metric=['MI', 'VIF', 'Qabf'], convention='cddfuse')]
