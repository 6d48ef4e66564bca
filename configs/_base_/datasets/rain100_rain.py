# Rain100L or Rain100H, light or heavy rain, in train and test folders of a layout that later papers use.
_base_ = './lowlight_patches.py'
rain = dict(type='Rain100Dataset', data_root='{{$RAIN100_ROOT:data/rain100l}}')
train_dataloader = dict(_base_.loader, dataset=dict(
    rain, data_prefix=dict(img='train/input', reference='train/target'), pipeline=_base_.turned_pipeline))
val_dataloader = dict(_base_.test_loader, dataset=dict(
    rain, data_prefix=dict(img='test/input', reference='test/target'), test_mode=True, pipeline=_base_.test_pipeline))
test_dataloader = val_dataloader
