# M3FD with boxes (Pascal VOC): People, Car, Bus, Motorcycle, Lamp, Truck; 1024 x 768.
# The set has no official split, and neighbours are frames of one video. Make splits/train.txt and splits/test.txt with
#     python tools/dataset_converters/make_split.py $M3FD_ROOT/Vis --block 100 --guard 10 --out $M3FD_ROOT/splits
dataset_type = 'M3FDDataset'
data_root = '{{$M3FD_ROOT:data/m3fd}}'
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
        data_prefix=dict(img='Vis', img2='Ir', ann='Annotation'),
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
        data_prefix=dict(img='Vis', img2='Ir', ann='Annotation'),
        split='splits/test.txt',
        test_mode=True,
        pipeline=test_pipeline))
test_dataloader = val_dataloader

val_evaluator = dict(type='DetectionMetric', metric='bbox', classwise=True)
test_evaluator = val_evaluator
