# ACDC street scenes at night with maps of Cityscapes' 19 classes; 1920 x 1080, tested at half the size.
# `condition` in the two places is 'night', 'fog', 'rain' or 'snow'; the published validation set serves as test set.
acdc = dict(type='ACDCDataset', data_root='{{$ACDC_ROOT:data/acdc}}', condition='night')
train_pipeline = [
    dict(type='LoadPairFromFile'),
    dict(type='LoadSegMap'),
    dict(type='JointTransform', transforms=[
        dict(type='mmseg.RandomResize', scale=(960, 540), ratio_range=(1.0, 2.0), keep_ratio=True,
             resize_type='mmseg.Resize'),
        dict(type='mmseg.RandomCrop', crop_size=(512, 512), cat_max_ratio=0.75),
        dict(type='mmseg.RandomFlip', prob=0.5),
    ]),
    dict(type='PackPairSegInputs'),
]
test_pipeline = [
    dict(type='LoadPairFromFile'),
    dict(type='JointTransform', transforms=[dict(type='mmseg.Resize', scale=(960, 540), keep_ratio=True)]),
    dict(type='LoadSegMap'),  # after the resizing: scores are of the maps as annotated
    dict(type='PackPairSegInputs'),
]
train_dataloader = dict(
    batch_size=2, num_workers=2, persistent_workers=True, sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(acdc, subset='train', pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=1, num_workers=2, persistent_workers=True, sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(acdc, subset='val', test_mode=True, pipeline=test_pipeline))
test_dataloader = val_dataloader

val_evaluator = dict(type='mmseg.IoUMetric', iou_metrics=['mIoU'])
test_evaluator = val_evaluator
