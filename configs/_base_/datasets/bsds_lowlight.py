# Pairs made of BSDS500's images, which `Darken` makes dark and noisy: to train, and to choose settings by its val part.
# Tested on the real pairs of LOL. The exposures give about the grey levels of dark images in the web: three in four are
# dark, one in four is hardly so, and teaches that what is bright stays as it is.
_base_ = './lowlight_patches.py'
bsds = dict(type='BSDSDataset', data_root='{{$BSDS_ROOT:data/bsds}}')
dark = dict(type='Darken', exposure=(0.01, 0.3))
darken = dict(type='RandomChoice', transforms=[[dark], [dict(dark, exposure=(0.3, 1.0))]], prob=[0.75, 0.25])
turn = dict(type='JointTransform', transforms=[
    dict(type='RandomPatch', size=(64, 64)), dict(type='RandomFlip', prob=0.5), dict(type='RandomQuarterTurn')])
train_dataloader = dict(_base_.loader, dataset=dict(
    bsds, subset='train', pipeline=[_base_.load, turn, darken, _base_.pack]))
val_dataloader = dict(_base_.test_loader, dataset=dict(
    bsds, subset='val', test_mode=True, pipeline=[_base_.load, dict(dark, seed=0), _base_.pack]))
test_dataloader = dict(_base_.test_loader, dataset=dict(
    type='LOLDataset', data_root='{{$LOL_ROOT:data/lol}}', subset='test', test_mode=True,
    pipeline=_base_.test_pipeline))
