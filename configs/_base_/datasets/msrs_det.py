# MSRS road scenes with boxes (YOLO labels): person, bicycle, car; 640 x 480.
dataset_type = 'MSRSDataset'
data_root = '{{$MSRS_ROOT:data/msrs}}'
scale = (640, 480)  # width, height that pictures are brought to, keeping their ratio

train_pipeline = [
    dict(type='LoadPairFromFile'),
    dict(type='mmdet.LoadAnnotations', with_bbox=True),
    dict(type='JointTransform', transforms=[
        dict(type='mmdet.Resize', scale=scale, keep_ratio=True),
        dict(type='mmdet.RandomFlip', prob=0.5),
    ]),
    dict(type='PackPairDetInputs'),
]
test_pipeline = [
    dict(type='LoadPairFromFile'),
    dict(type='mmdet.LoadAnnotations', with_bbox=True),
    dict(type='JointTransform', transforms=[dict(type='mmdet.Resize', scale=scale, keep_ratio=True)]),
    dict(type='PackPairDetInputs'),
]

train_dataloader = dict(
    batch_size=4,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        data_prefix=dict(img='train/vi', img2='train/ir', ann='train/labels'),
        filter_cfg=dict(filter_empty_gt=True, min_size=32),
        pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=1,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        data_prefix=dict(img='test/vi', img2='test/ir', ann='test/labels'),
        test_mode=True,
        pipeline=test_pipeline))
test_dataloader = val_dataloader

val_evaluator = dict(type='DetectionMetric', metric='bbox', classwise=True)
test_evaluator = val_evaluator
