# RoadScene without boxes, for fusion alone: pictures of different sizes in {train,test}/{vi,ir}.
dataset_type = 'PairDataset'
data_root = '{{$ROADSCENE_ROOT:data/roadscene}}'

train_pipeline = [
    dict(type='LoadPairFromFile'),
    dict(type='JointTransform', transforms=[
        dict(type='RandomPatch', size=(192, 256)),
        dict(type='RandomFlip', prob=0.5),
    ]),
    dict(type='PackPairInputs'),
]
test_pipeline = [dict(type='LoadPairFromFile'), dict(type='PackPairInputs')]

train_dataloader = dict(
    batch_size=4,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        data_prefix=dict(img='train/vi', img2='train/ir'),
        filter_cfg=dict(min_size=192),
        pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=1,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        data_prefix=dict(img='test/vi', img2='test/ir'),
        test_mode=True,
        pipeline=test_pipeline))
test_dataloader = val_dataloader

# At every validation the quick ones, in a test those of TIM's tables 1 and 2.
val_evaluator = dict(type='FusionMetric', metric=['MI', 'VIF', 'Qabf', 'SSIM'])
test_evaluator = dict(type='FusionMetric')
