# The published network (haze) on RESIDE (`RESIDE_ROOT`).
_base_ = [
    '../_base_/models/hadamard.py', '../_base_/datasets/reside.py', '../_base_/schedules/hadamard.py',
    '../_base_/default_runtime.py'
]
model = dict(net=dict(genotype='hadamard-haze'))
