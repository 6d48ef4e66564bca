# Depth guided by colour: RGB-D-D (`RGBDD_ROOT`, millimetres) and Middlebury (`MIDDLEBURY_ROOT`, 8 bit) for training,
# bicubic degradation by 8; the test is on RGB-D-D, in centimetres. Every fifth training picture is kept for validation.
scale = 8
rgbdd = dict(type='PairDataset', data_root='{{$RGBDD_ROOT:data/rgbdd}}')
middlebury = dict(type='PairDataset', data_root='{{$MIDDLEBURY_ROOT:data/middlebury}}')
folders = {part: dict(img=f'{part}/rgb', img2=f'{part}/depth') for part in ('train', 'test')}
train_pipeline = [
    dict(type='LoadGuidedFromFile'), dict(type='DegradeTarget', scale=scale),
    dict(type='JointTransform', transforms=[
        dict(type='RandomPatch', size=(128, 128)),
        dict(type='RandomFlip', prob=0.5), dict(type='RandomQuarterTurn')]),
    dict(type='PackPairInputs')]
test_pipeline = [
    dict(type='LoadGuidedFromFile'), dict(type='DegradeTarget', scale=scale), dict(type='PackPairInputs')]
val_pipeline = [
    dict(type='LoadGuidedFromFile'), dict(type='DegradeTarget', scale=scale),
    dict(type='JointTransform', transforms=[dict(type='CenterCrop', crop_size=256)]), dict(type='PackPairInputs')]
fitted = [
    dict(rgbdd, data_prefix=folders['train'], leave_out=(0, 5), pipeline=train_pipeline),
    dict(middlebury, data_prefix=folders['train'], leave_out=(0, 5), pipeline=train_pipeline)]
# What the supernet's predictor and the search of paths look at.
held_out = dict(type='ConcatDataset', datasets=[
    dict(rgbdd, data_prefix=folders['train'], fold=(0, 5), pipeline=val_pipeline),
    dict(middlebury, data_prefix=folders['train'], fold=(0, 5), pipeline=val_pipeline)])
train_dataloader = dict(
    batch_size=16, num_workers=2, persistent_workers=True, sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(type='RepeatDataset', times=10, dataset=dict(type='ConcatDataset', datasets=fitted)))
val_dataloader = dict(
    batch_size=1, num_workers=1, persistent_workers=True, sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(rgbdd, data_prefix=folders['test'], test_mode=True, pipeline=test_pipeline))
test_dataloader = val_dataloader
val_evaluator = dict(type='GuidedSRMetric', unit=0.1)
test_evaluator = val_evaluator
