# Spectral bands guided by a panchromatic image (`PANSHARPENING_ROOT`; one scene each, by Wald's protocol:
#     python tools/dataset_converters/pansharpening.py imgWV2.mat --bands 2 3 5 7 --tile 64 --out $PANSHARPENING_ROOT/train
#     python tools/dataset_converters/pansharpening.py imgIK.mat --out $PANSHARPENING_ROOT/test
# Every fifth tile of the training scene is kept for paths. In the environment: SCALE (default 4), PATCH, side of a
# training patch (default 64).
scale, patch = int('{{$SCALE:4}}'), int('{{$PATCH:64}}')
scene = dict(type='PairDataset', data_root='{{$PANSHARPENING_ROOT:data/pansharpening}}')
load, pack = dict(type='LoadGuidedFromFile', bands=True, channels=1), dict(type='PackPairInputs')
degrade = dict(type='DegradeTarget', scale=scale, value_range=(0, 2047))  # 11 bits
augment = dict(type='JointTransform', transforms=[
    dict(type='RandomPatch', size=(patch, patch)),
    dict(type='RandomFlip', prob=0.5), dict(type='RandomQuarterTurn')])
train_dataloader = dict(
    batch_size=8, num_workers=2, persistent_workers=True, sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(type='RepeatDataset', times=4, dataset=dict(
        scene, data_prefix=dict(img='train/pan', target='train/ms'), except_nth=(0, 5),
        pipeline=[load, degrade, augment, pack])))
held_out = dict(scene, data_prefix=dict(img='train/pan', target='train/ms'), every_nth=(0, 5),
                pipeline=[load, degrade, pack])
val_dataloader = dict(
    batch_size=1, num_workers=1, persistent_workers=True, sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(scene, data_prefix=dict(img='test/pan', target='test/ms'), test_mode=True,
                 pipeline=[load, degrade, pack]))
test_dataloader = val_dataloader
val_evaluator = dict(type='GuidedSRMetric', metric=['PSNR', 'SSIM', 'SAM', 'ERGAS', 'SCC', 'Q'], full_scale=2047,
                     ratio=scale, bands=(2, 1, 0))
test_evaluator = val_evaluator
