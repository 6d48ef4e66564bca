# Infrared and visible pairs for fusion alone, RoadScene and MSRS together: trained on patches of 64 x 64, as in TIM.
pipeline = [
    dict(type='LoadPairFromFile'),
    dict(type='JointTransform', transforms=[
        dict(type='RandomPatch', size=(64, 64)),
        dict(type='RandomFlip', prob=[0.25, 0.25, 0.25], direction=['horizontal', 'vertical', 'diagonal']),
    ]),
    dict(type='PackPairInputs'),
]
test_pipeline = [dict(type='LoadPairFromFile'), dict(type='PackPairInputs')]
roadscene, msrs = (
    dict(type='PairDataset', data_root=root, data_prefix=dict(img='train/vi', img2='train/ir'),
         filter_cfg=dict(min_size=64), pipeline=pipeline)
    for root in ('{{$ROADSCENE_ROOT:data/roadscene}}', '{{$MSRS_ROOT:data/msrs}}'))

train_dataloader = dict(
    batch_size=8,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(type='ConcatDataset', datasets=[roadscene, msrs]))
val_dataloader = dict(
    batch_size=1,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='PairDataset', data_root='{{$ROADSCENE_ROOT:data/roadscene}}',
        data_prefix=dict(img='test/vi', img2='test/ir'), test_mode=True, pipeline=test_pipeline))
test_dataloader = val_dataloader

# At every validation the quick ones, in a test those of TIM's tables 1 and 2.
val_evaluator = dict(type='FusionMetric', metric=['MI', 'VIF', 'Qabf', 'SSIM'])
test_evaluator = dict(type='FusionMetric')
