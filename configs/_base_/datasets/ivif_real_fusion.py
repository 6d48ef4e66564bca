# Infrared and visible pairs for fusion alone, RoadScene and MSRS together.
_base_ = './fusion_patches.py'
# Larger patches than the paper's: the fusion loss looks at four scales, and at what is round a target.
patch = dict(_base_.patch, size=(96, 96))
pipeline = [*_base_.load, dict(type='JointTransform', transforms=[patch, _base_.flip]), _base_.pack]
roadscene, msrs = (
    dict(type='PairDataset', data_root=root, data_prefix=dict(img='train/vi', infrared='train/ir'),
         filter_cfg=dict(min_size=64), pipeline=pipeline)
    for root in ('{{$ROADSCENE_ROOT:data/roadscene}}', '{{$MSRS_ROOT:data/msrs}}'))
train_dataloader = dict(_base_.loader, dataset=dict(type='ConcatDataset', datasets=[roadscene, msrs]))
val_dataloader = dict(_base_.test_loader, dataset=dict(
    type='PairDataset', data_root='{{$ROADSCENE_ROOT:data/roadscene}}',
    data_prefix=dict(img='test/vi', infrared='test/ir'), test_mode=True, pipeline=_base_.test_pipeline))
test_dataloader = val_dataloader
