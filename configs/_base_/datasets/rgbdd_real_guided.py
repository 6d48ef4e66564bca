# Depth as a phone's sensor gives it, guided by its colour camera: the pairs of RGB-D-D in low and high resolution
# (`RGBDD_ROOT` as published), millimetres, scored in centimetres. Every fiftieth training image scores paths.
# In the environment: PATCH, side of a training patch (default 256).
#     python tools/dataset_converters/rgbdd.py $RGBDD_ROOT
patch = int('{{$PATCH:256}}')
rgbdd = dict(type='PairDataset', data_root='{{$RGBDD_ROOT:data/rgbdd}}')
lists = {part: dict(img=f'{part}_rgb.txt', target=f'{part}_low.txt', reference=f'{part}_high.txt')
         for part in ('train', 'test')}
load, pack = dict(type='LoadGuidedFromFile'), dict(type='PackPairInputs')
degrade = dict(type='DegradeTarget')  # the target is poor already: it is only scaled
augment = dict(type='JointTransform', transforms=[
    dict(type='RandomPatch', size=(patch, patch)), dict(type='RandomFlip', prob=0.5), dict(type='RandomQuarterTurn')])
middle = dict(type='JointTransform', transforms=[dict(type='CenterCrop', crop_size=256)])
train_dataloader = dict(
    batch_size=16, num_workers=4, persistent_workers=True, sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(rgbdd, data_prefix=lists['train'], except_nth=(0, 50), pipeline=[load, degrade, augment, pack]))
held_out = dict(rgbdd, data_prefix=lists['train'], every_nth=(0, 50), pipeline=[load, degrade, middle, pack])
val_dataloader = dict(
    batch_size=1, num_workers=2, persistent_workers=True, sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(rgbdd, data_prefix=lists['test'], test_mode=True, pipeline=[load, degrade, pack]))
test_dataloader = val_dataloader
val_evaluator = dict(type='GuidedSRMetric', unit=0.1)
test_evaluator = val_evaluator
