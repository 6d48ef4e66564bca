# Deblurring the built-in road scenes with noise: no guidance, the other baseline.
_base_ = [
    '../_base_/models/hyperguidance.py', '../_base_/datasets/synthetic_blur.py',
    '../_base_/schedules/adam_hyperguidance.py', '../_base_/default_runtime.py'
]
model = dict(stage=dict(proxy=None))
