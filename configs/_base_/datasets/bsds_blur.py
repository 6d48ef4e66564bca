# Crops of the natural pictures of BSDS500, grey, shaken by random kernels, noise of 1 to 5 %.
_base_ = './synthetic_blur.py'
bsds = dict(type='BSDSDataset', data_root='{{$BSDS_ROOT:data/bsds}}')
load = [dict(type='LoadPairFromFile')]
turns = [dict(type='JointTransform', transforms=[dict(type='RandomQuarterTurn'), dict(type='RandomFlip', prob=0.5)])]
train_pipeline = [*load, *turns, dict(type='BlurAndNoise', size=(180, 180)), dict(type='PackPairInputs')]
test_pipeline = [*load, dict(type='BlurAndNoise', seed=0), dict(type='PackPairInputs')]
train_dataloader = dict(dataset=dict(_delete_=True, part='train', **bsds, pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=1, dataset=dict(_delete_=True, part='val', **bsds, test_mode=True, pipeline=test_pipeline))
test_dataloader = dict(
    batch_size=1, dataset=dict(_delete_=True, part='test', **bsds, test_mode=True, pipeline=test_pipeline))
