# MRI and PET of Harvard's Whole Brain Atlas, 256 x 256; for CT and SPECT a config sets `modality` in the three places.
dataset_type = 'HarvardDataset'
data_root = '{{$HARVARD_ROOT:data/harvard}}'

train_pipeline = [
    dict(type='LoadPairFromFile'),
    dict(type='JointTransform', transforms=[
        dict(type='RandomPatch', size=(64, 64)),
        dict(type='RandomFlip', prob=[0.25, 0.25, 0.25], direction=['horizontal', 'vertical', 'diagonal']),
    ]),
    dict(type='PackPairInputs'),
]
test_pipeline = [dict(type='LoadPairFromFile'), dict(type='PackPairInputs')]

train_dataloader = dict(
    batch_size=8,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(type=dataset_type, data_root=data_root, modality='pet', part='train', pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=1,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        modality='pet',
        part='test',
        test_mode=True,
        pipeline=test_pipeline))
test_dataloader = val_dataloader

# Those of TIM's fig. 6.
val_evaluator = dict(type='FusionMetric', metric=['MI', 'EN', 'VIF', 'SCD'])
test_evaluator = val_evaluator
