# AdamW for 2 000 iterations: warm-up, then a cosine to 1 % of the rate. A scene module, trained before, goes slowly.
_base_ = '../default_runtime.py'
train_cfg = dict(type='ResumableIterTrainLoop', max_iters=2000, val_interval=1000)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=2.5e-3, weight_decay=1e-4, fused=True),
    # Heads that share layers between levels (RTMDet) name a weight twice.
    paramwise_cfg=dict(bypass_duplicate=True, custom_keys={'scene': dict(lr_mult=0.1), 'backbone': dict(lr_mult=0.5)}),
    clip_grad=dict(max_norm=10))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.03, by_epoch=False, begin=0, end=100),
    dict(type='CosineAnnealingLR', eta_min_ratio=0.01, by_epoch=False, begin=0),
]
default_hooks = dict(checkpoint=dict(by_epoch=False, interval=500))
log_processor = dict(by_epoch=False)
