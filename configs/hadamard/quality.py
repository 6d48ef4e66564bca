# The classifier that tells good images from poor ones. RECIPE in the environment, ./lowlight.py (default), ./haze.py or
# ./underwater.py, has the images, of its DATA. Counted in steps: of a small set, ten epochs would leave it at a guess.
_base_ = '{{$RECIPE:./lowlight.py}}'
model = dict(_delete_=True, type='QualityClassifier')
train_cfg = dict(_delete_=True, type='ResumableIterTrainLoop', max_iters=2000, val_interval=500)
optim_wrapper = dict(_delete_=True, type='OptimWrapper', optimizer=dict(type='AdamW', lr=1e-3, weight_decay=1e-4))
param_scheduler = [dict(type='CosineAnnealingLR', by_epoch=False, begin=0)]
default_hooks = dict(
    checkpoint=dict(by_epoch=False, interval=500),
    visualization=dict(draw=False))  # a probability is no image
log_processor = dict(by_epoch=False)
val_evaluator = dict(_delete_=True, type='QualityAccuracy')
test_evaluator = val_evaluator
