# AdamW for twelve epochs: warm-up by iteration, then a cosine by iteration to 1 % of the rate.
train_cfg = dict(type='ResumableEpochTrainLoop', max_epochs=12, val_interval=1)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=2.5e-3, weight_decay=1e-4, fused=True),
    # Heads that share layers between levels (RTMDet) name a weight twice.
    paramwise_cfg=dict(bypass_duplicate=True, custom_keys={'scene': dict(lr_mult=0.4), 'backbone': dict(lr_mult=0.5)}),
    clip_grad=dict(max_norm=10))
warmup = dict(type='LinearLR', start_factor=0.03, by_epoch=False, begin=0, end=100)
cosine = dict(type='CosineAnnealingLR', eta_min_ratio=0.01, by_epoch=True, begin=0, convert_to_iter_based=True)
param_scheduler = [warmup, cosine]
