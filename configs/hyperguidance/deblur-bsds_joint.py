# Deblurring crops of natural pictures with noise (`BSDS_ROOT`):
# one loss trains proxies and network jointly, the naive baseline.
_base_ = [
    '../_base_/models/hyperguidance.py', '../_base_/datasets/bsds_blur.py',
    '../_base_/schedules/adam_hyperguidance.py', '../_base_/default_runtime.py'
]
model = dict(guidance_loss=dict(type='GuidanceLoss'))
val_evaluator = [_base_.val_evaluator, dict(type='NoiseLevelError')]
test_evaluator = val_evaluator
proxy_hook = dict(_base_.proxy_hook, phases=[dict(choices='proxy')])
custom_hooks = [*_base_.custom_hooks, proxy_hook]
