# Thermal images guided by visible ones: what MSRS and RoadScene see in the infrared (`MSRS_ROOT`, `ROADSCENE_ROOT`),
# 8 bit, bicubic degradation. Every tenth training pair scores paths; the test is on the test pairs of both. In the
# environment: SCALE (default 8), PATCH, side of a training patch (default 128).
scale, patch = int('{{$SCALE:8}}'), int('{{$PATCH:128}}')
sets = [dict(type='PairDataset', data_root=root) for root in (
    '{{$MSRS_ROOT:data/msrs}}', '{{$ROADSCENE_ROOT:data/roadscene}}')]
load, pack = dict(type='LoadGuidedFromFile'), dict(type='PackPairInputs')
degrade = dict(type='DegradeTarget', scale=scale, value_range=(0, 255))
augment = dict(type='JointTransform', transforms=[
    dict(type='RandomPatch', size=(patch, patch)),
    dict(type='RandomFlip', prob=0.5), dict(type='RandomQuarterTurn')])
middle = dict(type='JointTransform', transforms=[dict(type='CenterCrop', crop_size=192)])
folders = {part: dict(img=f'{part}/vi', target=f'{part}/ir') for part in ('train', 'test')}
fitted, held, tested = (
    [dict(leaf, data_prefix=folders[part], filter_cfg=dict(min_size=192), **options) for leaf in sets]
    for part, options in (
        ('train', dict(except_nth=(0, 10), pipeline=[load, degrade, augment, pack])),
        ('train', dict(every_nth=(0, 10), pipeline=[load, degrade, middle, pack])),
        ('test', dict(test_mode=True, pipeline=[load, degrade, pack]))))
held_out = dict(type='ConcatDataset', datasets=held)
train_dataloader = dict(
    batch_size=16, num_workers=2, persistent_workers=True, sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(type='RepeatDataset', times=4, dataset=dict(type='ConcatDataset', datasets=fitted)))
val_dataloader = dict(
    batch_size=1, num_workers=1, persistent_workers=True, sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='ConcatDataset', datasets=tested))
test_dataloader = val_dataloader
val_evaluator = dict(type='GuidedSRMetric', metric=['PSNR', 'SSIM'])
test_evaluator = val_evaluator
