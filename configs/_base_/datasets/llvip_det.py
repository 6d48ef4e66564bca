# LLVIP street scenes at night with boxes (Pascal VOC): person; 1280 x 1024, split as published.
_base_ = './boxes.py'
llvip = dict(type='LLVIPDataset', data_root='{{$LLVIP_ROOT:data/llvip}}')
folders = {part: dict(img=f'visible/{part}', infrared=f'infrared/{part}', ann='Annotations')
           for part in ('train', 'test')}
train_dataloader = dict(_base_.loader, dataset=dict(
    llvip, data_prefix=folders['train'], filter_cfg=_base_.filter_cfg, pipeline=_base_.train_pipeline))
val_dataloader = dict(_base_.test_loader, dataset=dict(
    llvip, data_prefix=folders['test'], test_mode=True, pipeline=_base_.test_pipeline))
test_dataloader = val_dataloader
