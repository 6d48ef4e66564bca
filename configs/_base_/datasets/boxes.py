# What the sets of real images with boxes share: long sides of 640, flips in training.
load = [dict(type='LoadPairFromFile'), dict(type='mmdet.LoadAnnotations', with_bbox=True)]
# Width and height that images are brought into, keeping their ratio.
resize = dict(type='mmdet.Resize', scale=(640, 640), keep_ratio=True)
flip = dict(type='mmdet.RandomFlip', prob=0.5)
pack = dict(type='PackPairDetInputs')
train_pipeline = [*load, dict(type='JointTransform', transforms=[resize, flip]), pack]
test_pipeline = [*load, dict(type='JointTransform', transforms=[resize]), pack]
loader = dict(
    batch_size=4, num_workers=2, persistent_workers=True, sampler=dict(type='DefaultSampler', shuffle=True))
test_loader = dict(
    batch_size=1, num_workers=2, persistent_workers=True, sampler=dict(type='DefaultSampler', shuffle=False))
filter_cfg = dict(filter_empty_gt=True, min_size=32)

val_evaluator = dict(type='DetectionMetric', metric='bbox', classwise=True)
test_evaluator = val_evaluator
