# What the sets of real images with segmentation maps share: crops, turns and flips in training, whole images in a test.
load = [dict(type='LoadPairFromFile'), dict(type='LoadSegMap')]
rotate = dict(type='mmseg.RandomRotate', prob=0.5, degree=10, seg_pad_val=255)
crop = dict(type='mmseg.RandomCrop', crop_size=(384, 512), cat_max_ratio=0.95)  # height, width
flip = dict(type='RandomFlip', prob=0.5)
pack = dict(type='PackPairSegInputs')
train_pipeline = [*load, dict(type='JointTransform', transforms=[rotate, crop, flip]), pack]
test_pipeline = [*load, pack]
loader = dict(
    batch_size=2, num_workers=2, persistent_workers=True, sampler=dict(type='DefaultSampler', shuffle=True))
test_loader = dict(
    batch_size=1, num_workers=2, persistent_workers=True, sampler=dict(type='DefaultSampler', shuffle=False))

val_evaluator = dict(type='mmseg.IoUMetric', iou_metrics=['mIoU'])
test_evaluator = val_evaluator
