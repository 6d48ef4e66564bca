# MSRS road scenes with boxes (YOLO labels): person, bicycle, car; 640 x 480, trained on crops of 320 x 256.
_base_ = ['./boxes.py', './msrs_folds.py']
# One crop in ten is without an object, as parts of the test images are.
crop = dict(type='mmdet.RandomCrop', crop_size=(320, 256), allow_negative_crop=True, bbox_clip_border=False)
clip = dict(type='ClipBoxes', min_visibility=0.25)
train_pipeline = [*_base_.load, *_base_.failures, dict(type='JointTransform', transforms=[crop, clip, _base_.flip]),
                  _base_.pack]
train_set, test_set = (
    dict(type='MSRSDataset', data_root=_base_.msrs_root, kfold=part['kfold'],
         data_prefix={key: [f'{folder}/{name}' for folder in part['folders']]
                      for key, name in dict(img='vi', infrared='ir', ann='labels').items()})
    for part in _base_.subsets.values())
train_dataloader = dict(_base_.loader, dataset=dict(
    train_set, filter_cfg=_base_.filter_cfg, pipeline=train_pipeline))
val_dataloader = dict(_base_.test_loader, dataset=dict(test_set, test_mode=True, pipeline=_base_.test_pipeline))
test_dataloader = val_dataloader
# In a test also the image that the detector saw: how much of both sensors is in it, and whether people stay bright.
test_evaluator = [
    _base_.val_evaluator,
    dict(type='FusionMetric', metric=['MI', 'VIF', 'Qabf'], convention='cddfuse'),
    dict(type='TargetContrastMetric', stems='*D', prefix='people by day'),
    dict(type='TargetContrastMetric', stems='*N', prefix='people by night'),
]
