# Deblurring crops of natural pictures with noise (`BSDS_ROOT`):
# the proxies learn the guidance in alternation with the network.
_base_ = [
    '../_base_/models/hyperguidance.py', '../_base_/datasets/bsds_blur.py',
    '../_base_/schedules/adam_hyperguidance.py', '../_base_/default_runtime.py'
]
val_evaluator = [_base_.val_evaluator, dict(type='NoiseLevelError')]
test_evaluator = val_evaluator
custom_hooks = [*_base_.custom_hooks, _base_.proxy_hook]
