# Crops of the natural images of BSDS500, grey, shaken by random kernels, noise of 1 to 5 % (`TEST_NOISE` in a test).
_base_ = './synthetic_blur.py'
bsds = dict(type='BSDSDataset', data_root='{{$BSDS_ROOT:data/bsds}}')
load = dict(type='LoadPairFromFile')
turn = dict(type='JointTransform', transforms=[dict(type='RandomQuarterTurn'), dict(type='RandomFlip', prob=0.5)])
train_dataloader = dict(dataset=dict(
    bsds, _delete_=True, subset='train', pipeline=[load, turn, dict(_base_.blur, size=(180, 180)), _base_.pack]))
val_dataloader = dict(batch_size=1, dataset=dict(
    bsds, _delete_=True, subset='val', test_mode=True, pipeline=[load, _base_.val_blur, _base_.pack]))
test_dataloader = dict(batch_size=1, dataset=dict(
    bsds, _delete_=True, subset='test', test_mode=True, pipeline=[load, _base_.test_blur, _base_.pack]))
