# The short form that `make demo` runs: 320 iterations, minutes on two cores.
_base_ = './retinanet_ivif.py'
train_dataloader = dict(batch_size=4, dataset=dict(length=1280))
train_cfg = dict(max_epochs=1)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.03, by_epoch=False, begin=0, end=30),
    dict(type='CosineAnnealingLR', eta_min_ratio=0.01, by_epoch=False, begin=0, end=320),
]
# The fusion network starts from the bundled weights, so that no iterations go into it alone.
custom_hooks = _base_.custom_hooks[:-1]
