# RESIDE: indoor haze for training, SOTS for tests; outdoors it is part='ots' and 'sots-outdoor'.
_base_ = './restoration_patches.py'
reside = dict(type='RESIDEDataset', data_root='{{$RESIDE_ROOT:data/reside}}')
load = dict(type='LoadPairFromFile', crop_reference=True)
test_pipeline = [load, _base_.test_pipeline[-1]]
train_dataloader = dict(
    _base_.loader, dataset=dict(reside, part='its', pipeline=[load, *_base_.train_pipeline[1:]]))
val_dataloader = dict(
    _base_.test_loader, dataset=dict(reside, part='sots-indoor', test_mode=True, pipeline=test_pipeline))
test_dataloader = val_dataloader
