# Depth guided by colour: RGB-D-D (`RGBDD_ROOT`, millimetres) and Middlebury (`MIDDLEBURY_ROOT`, 8 bit) for training,
# bicubic degradation; the test is on RGB-D-D, in centimetres. Every fifth training image is kept for validation. In
# the environment: SCALE (default 8), PATCH, side of a training patch (default 128).
scale, patch = int('{{$SCALE:8}}'), int('{{$PATCH:128}}')
rgbdd = dict(type='PairDataset', data_root='{{$RGBDD_ROOT:data/rgbdd}}')
middlebury = dict(type='PairDataset', data_root='{{$MIDDLEBURY_ROOT:data/middlebury}}')
folders = {part: dict(img=f'{part}/rgb', target=f'{part}/depth') for part in ('train', 'test')}
load, pack = dict(type='LoadGuidedFromFile'), dict(type='PackPairInputs')
degrade = dict(type='DegradeTarget', scale=scale)
turns = [dict(type='RandomFlip', prob=0.5), dict(type='RandomQuarterTurn')]
augment = dict(type='JointTransform', transforms=[dict(type='RandomPatch', size=(patch, patch)), *turns])
middle = dict(type='JointTransform', transforms=[dict(type='CenterCrop', crop_size=256)])
fitted, held = (
    [dict(leaf, data_prefix=folders['train'], pipeline=[load, degrade, cut, pack], **part)
     for leaf in (rgbdd, middlebury)]
    for cut, part in ((augment, dict(except_nth=(0, 5))), (middle, dict(every_nth=(0, 5)))))
# What the supernet's predictor and the search of paths look at.
held_out = dict(type='ConcatDataset', datasets=held)
train_dataloader = dict(
    batch_size=16, num_workers=2, persistent_workers=True, sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(type='RepeatDataset', times=10, dataset=dict(type='ConcatDataset', datasets=fitted)))
val_dataloader = dict(
    batch_size=1, num_workers=1, persistent_workers=True, sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(rgbdd, data_prefix=folders['test'], test_mode=True, pipeline=[load, degrade, pack]))
test_dataloader = val_dataloader
val_evaluator = dict(type='GuidedSRMetric', unit=0.1)
test_evaluator = val_evaluator
