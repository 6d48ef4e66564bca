# The short form that `make demo` runs: 380 iterations, minutes on two cores.
_base_ = './retinanet_ivif.py'
train_dataloader = dict(batch_size=4, dataset=dict(length=1520))
train_cfg = dict(max_epochs=1, val_begin=2)  # what is tested at once needs no validation
param_scheduler = [
    dict(_base_.warmup, end=30),
    dict(type='CosineAnnealingLR', eta_min_ratio=0.01, by_epoch=False, begin=0),
]
default_hooks = dict(guidance=dict(task_length=100, by_epoch=False))
# How it does at night stands beside the rest.
test_dataloader = dict(dataset=dict(length=240))
test_evaluator = [
    _base_.test_evaluator,
    dict(type='DetectionMetric', metric='bbox', prefix='night', only=dict(condition='night')),
]
