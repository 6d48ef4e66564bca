# Depth of a phone's sensor in the resolution of its colour camera (paper, table IV), DCNAS-Tiny.
_base_ = [
    '../_base_/models/dcnas.py', '../_base_/datasets/rgbdd_real_guided.py', '../_base_/schedules/adam_halving.py',
    '../_base_/default_runtime.py'
]
model = dict(net=dict(genotype='dcnas-tiny-16x', channels=8))
