# LOL, dark images with references, 600 x 400. LOL_RELEASE in the environment: v1, or v2-real and v2-synthetic of LOL-v2.
_base_ = './lowlight_patches.py'
lol = dict(type='LOLDataset', data_root='{{$LOL_ROOT:data/lol}}', release='{{$LOL_RELEASE:v1}}')
train_dataloader = dict(_base_.loader, dataset=dict(lol, subset='train', pipeline=_base_.train_pipeline))
val_dataloader = dict(
    _base_.test_loader, dataset=dict(lol, subset='test', test_mode=True, pipeline=_base_.test_pipeline))
test_dataloader = val_dataloader
