# Training of the classifier that tells good pictures from poor ones.
model = dict(type='QualityClassifier')
train_cfg = dict(type='ResumableEpochTrainLoop', max_epochs=10, val_interval=2)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='AdamW', lr=1e-3, weight_decay=1e-4))
param_scheduler = [dict(type='CosineAnnealingLR', by_epoch=True, begin=0, end=10, convert_to_iter_based=True)]
