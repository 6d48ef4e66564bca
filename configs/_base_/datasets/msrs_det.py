# MSRS road scenes with boxes (YOLO labels): person, bicycle, car; 640 x 480.
_base_ = './boxes.py'
msrs = dict(type='MSRSDataset', data_root='{{$MSRS_ROOT:data/msrs}}')
folders = {part: dict(img=f'{part}/vi', img2=f'{part}/ir', ann=f'{part}/labels') for part in ('train', 'test')}
train_dataloader = dict(_base_.loader, dataset=dict(
    msrs, data_prefix=folders['train'], filter_cfg=_base_.filter_cfg, pipeline=_base_.train_pipeline))
val_dataloader = dict(_base_.test_loader, dataset=dict(
    msrs, data_prefix=folders['test'], test_mode=True, pipeline=_base_.test_pipeline))
test_dataloader = val_dataloader
