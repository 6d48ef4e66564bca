# The supernet for noisy depth by 8 on NYU v2, trained path by path with a ranking predictor (DCNAS algorithm 1).
_base_ = './depth-nyu_x8_noisy.py'
model = dict(net=dict(genotype=None))
custom_hooks = [
    *_base_.custom_hooks,
    dict(type='PathSamplingHook', dataset=_base_.held_out, batch_size=10, paths=20, keep=1, free=30, tried=1024,
         interval=20),
]
val_cfg, val_dataloader, val_evaluator = None, None, None  # an undecided network
