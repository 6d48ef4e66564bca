# Depth of RGB-D-D guided by colour (`RGBDD_ROOT`, millimetres), bicubic degradation by SCALE (default 8), scored in
# centimetres. The last 48 of the 288 training pairs, of later days, are held out: settings are chosen on them, and they
# validate. PATCH: side of a training patch (default 64).
scale, patch = int('{{$SCALE:8}}'), int('{{$PATCH:64}}')
rgbdd = dict(type='PairDataset', data_root='{{$RGBDD_ROOT:data/rgbdd}}')
folders = {part: dict(img=f'{part}/rgb', target=f'{part}/depth') for part in ('train', 'test')}
load, pack = dict(type='LoadGuidedFromFile'), dict(type='PackPairInputs')
degrade = dict(type='DegradeTarget', scale=scale)
augment = dict(type='JointTransform', transforms=[
    dict(type='RandomPatch', size=(patch, patch)), dict(type='RandomFlip', prob=0.5)])
train_dataloader = dict(
    batch_size=8, num_workers=1, persistent_workers=True, sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(rgbdd, data_prefix=folders['train'], indices=240,
                 pipeline=[load, degrade, augment, pack]))
val_dataloader = dict(
    batch_size=1, num_workers=1, persistent_workers=True, sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(rgbdd, data_prefix=folders['train'], indices=list(range(240, 288)), test_mode=True,
                 pipeline=[load, degrade, pack]))
test_dataloader = dict(val_dataloader, dataset=dict(
    rgbdd, data_prefix=folders['test'], test_mode=True, pipeline=[load, degrade, pack]))
val_evaluator = dict(type='GuidedSRMetric', unit=0.1)
test_evaluator = val_evaluator
