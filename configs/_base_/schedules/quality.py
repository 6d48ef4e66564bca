# Training of the classifier that tells good pictures from poor ones. Counted in steps: of a small set, ten epochs would
# leave it at a guess.
_base_ = '../default_runtime.py'
model = dict(type='QualityClassifier')
train_cfg = dict(type='ResumableIterTrainLoop', max_iters=2000, val_interval=500)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='AdamW', lr=1e-3, weight_decay=1e-4))
param_scheduler = [dict(type='CosineAnnealingLR', by_epoch=False, begin=0)]
default_hooks = dict(
    checkpoint=dict(by_epoch=False, interval=500),
    visualization=dict(draw=False))  # a verdict is no picture
log_processor = dict(by_epoch=False)
