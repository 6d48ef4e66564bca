# MultiSpectral (Takumi et al., 2017) with boxes: color cone, car stop, car, person, bike; 320 x 256.
# Neighbouring numbers are frames of one video. Make splits/train.txt and splits/test.txt with
#     python tools/dataset_converters/make_split.py $MULTISPECTRAL_ROOT/ConvertedImages/rgb --block 100 --guard 10 --out $MULTISPECTRAL_ROOT/splits
dataset_type = 'MultiSpectralDataset'
data_root = '{{$MULTISPECTRAL_ROOT:data/multispectral}}'
scale = (320, 256)  # width, height that pictures are brought to, keeping their ratio

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
        infrared='fir',  # or 'mir', 'nir'
        split='splits/train.txt',
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
        infrared='fir',
        split='splits/test.txt',
        test_mode=True,
        pipeline=test_pipeline))
test_dataloader = val_dataloader

val_evaluator = dict(type='DetectionMetric', metric='bbox', classwise=True)
test_evaluator = val_evaluator
