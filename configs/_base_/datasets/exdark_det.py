# ExDark, images in little light with boxes of twelve classes, split as published: training, validation, test.
_base_ = './boxes.py'
exdark = dict(type='ExDarkDataset', data_root='{{$EXDARK_ROOT:data/exdark}}')
train_dataloader = dict(_base_.loader, dataset=dict(
    exdark, subset='train', filter_cfg=_base_.filter_cfg, pipeline=_base_.train_pipeline))
val_dataloader, test_dataloader = (
    dict(_base_.test_loader, dataset=dict(exdark, subset=part, test_mode=True, pipeline=_base_.test_pipeline))
    for part in ('val', 'test'))
