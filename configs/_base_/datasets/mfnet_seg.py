# MFNet street scenes with segmentation maps, nine classes; 640 x 480, pairs in one file of four channels.
_base_ = './maps.py'
data_root = '{{$MFNET_ROOT:data/mfnet}}'
train_dataloader = dict(_base_.loader, dataset=dict(
    type='MFNetDataset', data_root=data_root, split='train.txt', pipeline=_base_.train_pipeline))
val_dataloader = dict(_base_.test_loader, dataset=dict(
    type='MFNetDataset', data_root=data_root, split='test.txt', test_mode=True, pipeline=_base_.test_pipeline))
test_dataloader = val_dataloader
