# Pairs made of MSRS's day images, which `Darken` makes dark and noisy; tested on the real pairs of LOL.
_base_ = './lowlight_patches.py'
train_dataloader = dict(_base_.loader, dataset=dict(
    type='PairDataset', data_root='{{$MSRS_ROOT:data/msrs}}', data_prefix=dict(img='train/vi'), stems='*D',
    pipeline=[_base_.load, _base_.turn, dict(type='Darken'), _base_.pack]))
val_dataloader = dict(_base_.test_loader, dataset=dict(
    type='LOLDataset', data_root='{{$LOL_ROOT:data/lol}}', subset='test', test_mode=True,
    pipeline=_base_.test_pipeline))
test_dataloader = val_dataloader
