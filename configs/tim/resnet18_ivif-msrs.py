# The same on MSRS with its segmentation maps.
_base_ = './resnet18_ivif-mfnet.py'
msrs = dict(_delete_=True, type='MSRSSegDataset', data_root='{{$MSRS_ROOT:data/msrs}}')
train_dataloader = dict(dataset=dict(msrs, pipeline=_base_.train_pipeline))
val_dataloader = dict(dataset=dict(
    msrs, data_prefix=dict(img='test/vi', img2='test/ir', seg='test/Segmentation_labels'), test_mode=True,
    pipeline=_base_.test_pipeline))
test_dataloader = val_dataloader
