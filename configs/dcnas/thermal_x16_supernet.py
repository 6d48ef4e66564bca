# The supernet of thermal_x16.py, trained path by path with a ranking predictor (DCNAS algorithm 1).
_base_ = './thermal_x16.py'
model = dict(net=dict(genotype=None))
custom_hooks = [
    *_base_.custom_hooks,
    dict(type='PathSamplingHook', dataset=_base_.held_out, batch_size=8, free=30, tried=512, interval=10, refresh=32),
]
val_cfg, val_dataloader, val_evaluator = None, None, None  # an undecided network
