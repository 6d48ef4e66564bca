# MFNet street scenes with segmentation maps, nine classes; 640 x 480, pairs in one file of four channels.
dataset_type = 'MFNetDataset'
data_root = '{{$MFNET_ROOT:data/mfnet}}'

load = [dict(type='LoadPairFromFile'), dict(type='LoadSegMap')]
rotate = dict(type='mmseg.RandomRotate', prob=0.5, degree=10, seg_pad_val=255)
crop = dict(type='mmseg.RandomCrop', crop_size=(384, 512), cat_max_ratio=0.95)  # height, width
flip = dict(type='RandomFlip', prob=0.5)
pack = dict(type='PackPairSegInputs')
train_pipeline = [*load, dict(type='JointTransform', transforms=[rotate, crop, flip]), pack]
test_pipeline = [*load, pack]

train_dataloader = dict(
    batch_size=2,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        split='train.txt',
        pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=1,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        split='test.txt',
        test_mode=True,
        pipeline=test_pipeline))
test_dataloader = val_dataloader

val_evaluator = dict(type='mmseg.IoUMetric', iou_metrics=['mIoU'])
test_evaluator = val_evaluator
