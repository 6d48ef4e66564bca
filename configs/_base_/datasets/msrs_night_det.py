# MSRS road scenes, what the visible camera alone sees at night, with boxes: person, bicycle, car; 640 x 480, brought to
# half the size.
_base_ = './boxes.py'
resize = dict(_base_.resize, scale=(320, 320))
train_pipeline = [*_base_.load, dict(type='JointTransform', transforms=[resize, _base_.flip]), _base_.pack]
test_pipeline = [*_base_.load, dict(type='JointTransform', transforms=[resize]), _base_.pack]
train_night, test_night = (
    dict(type='MSRSDataset', data_root='{{$MSRS_ROOT:data/msrs}}', stems='*N',
         data_prefix=dict(img=f'{part}/vi', ann=f'{part}/labels'))
    for part in ('train', 'test'))
train_dataloader = dict(_base_.loader, dataset=dict(
    train_night, filter_cfg=_base_.filter_cfg, pipeline=train_pipeline))
val_dataloader = dict(_base_.test_loader, dataset=dict(test_night, test_mode=True, pipeline=test_pipeline))
test_dataloader = val_dataloader
