# RESIDE: indoor haze for training, SOTS for tests; outdoors it is subset='ots' and 'sots-outdoor'.
_base_ = './lowlight_patches.py'
reside = dict(type='RESIDEDataset', data_root='{{$RESIDE_ROOT:data/reside}}')
load = dict(_base_.load, crop_reference=True)
train_dataloader = dict(
    _base_.loader, dataset=dict(reside, subset='its', pipeline=[load, _base_.turn, _base_.pack]))
val_dataloader = dict(
    _base_.test_loader, dataset=dict(reside, subset='sots-indoor', test_mode=True, pipeline=[load, _base_.pack]))
test_dataloader = val_dataloader
