# Deblurring crops of natural pictures with noise (`BSDS_ROOT`): no guidance, the other baseline.
_base_ = [
    '../_base_/models/hyperguidance.py', '../_base_/datasets/bsds_blur.py',
    '../_base_/schedules/adam_hyperguidance.py', '../_base_/default_runtime.py'
]
model = dict(stage=dict(proxy=None))
