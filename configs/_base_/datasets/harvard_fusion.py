# MRI and PET of Harvard's Whole Brain Atlas, 256 x 256; for CT and SPECT a config sets `modality` in the three places.
_base_ = './fusion_patches.py'
harvard = dict(type='HarvardDataset', data_root='{{$HARVARD_ROOT:data/harvard}}', modality='pet')
train_dataloader = dict(_base_.loader, dataset=dict(harvard, subset='train', pipeline=_base_.pipeline))
val_dataloader = dict(
    _base_.test_loader, dataset=dict(harvard, subset='test', test_mode=True, pipeline=_base_.test_pipeline))
test_dataloader = val_dataloader

# Those of TIM's fig. 6.
val_evaluator = dict(type='FusionMetric', metric=['MI', 'EN', 'VIF', 'SCD'])
test_evaluator = val_evaluator
