# Depth guided by colour on NYU v2 (`NYU_ROOT`), metres, scored in centimetres: the first 1 000 pairs train but for
# every thirty-third, which scores paths; the other 449 test. In the environment: SCALE (default 8), NOISE, of 255, of the
# depth in low resolution (default 0), PATCH, side of a training patch (default 256).
#     python tools/dataset_converters/nyu.py nyu_depth_v2_labeled.mat --out $NYU_ROOT
scale, noise, patch = int('{{$SCALE:8}}'), int('{{$NOISE:0}}'), int('{{$PATCH:256}}')
nyu = dict(type='PairDataset', data_root='{{$NYU_ROOT:data/nyu}}')
folders = {part: dict(img=f'{part}/rgb', target=f'{part}/depth') for part in ('train', 'test')}
load, pack = dict(type='LoadGuidedFromFile'), dict(type='PackPairInputs')
degrade = dict(type='DegradeTarget', scale=scale, noise=noise)
repeatable = dict(degrade, seed=0)  # the same noise in every test
augment = dict(type='JointTransform', transforms=[
    dict(type='RandomPatch', size=(patch, patch)), dict(type='RandomFlip', prob=0.5), dict(type='RandomQuarterTurn')])
middle = dict(type='JointTransform', transforms=[dict(type='CenterCrop', crop_size=256)])
train_dataloader = dict(
    batch_size=16, num_workers=4, persistent_workers=True, sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(nyu, data_prefix=folders['train'], except_nth=(0, 33),
                 pipeline=[load, degrade, augment, pack]))
held_out = dict(nyu, data_prefix=folders['train'], every_nth=(0, 33),
                pipeline=[load, repeatable, middle, pack])
val_dataloader = dict(
    batch_size=1, num_workers=2, persistent_workers=True, sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(nyu, data_prefix=folders['test'], test_mode=True, pipeline=[load, repeatable, pack]))
test_dataloader = val_dataloader
# As others score it: without the six pixels at every side.
val_evaluator = dict(type='GuidedSRMetric', unit=100.0, border=6)
test_evaluator = val_evaluator
