# A folder of dark images without references to train on; what comes of it is measured on LOL's test pairs.
_base_ = './lowlight_patches.py'
train_dataloader = dict(_base_.loader, dataset=dict(
    type='PairDataset', data_root='{{$LOWLIGHT_ROOT:data/lowlight}}', data_prefix=dict(img=''),
    pipeline=_base_.train_pipeline))
val_dataloader = dict(_base_.test_loader, dataset=dict(
    type='LOLDataset', data_root='{{$LOL_ROOT:data/lol}}', subset='test', test_mode=True,
    pipeline=_base_.test_pipeline))
test_dataloader = val_dataloader
