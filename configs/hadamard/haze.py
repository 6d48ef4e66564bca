# The published network (haze) on the built-in road scenes in haze.
_base_ = [
    '../_base_/models/hadamard.py', '../_base_/datasets/synthetic_haze.py', '../_base_/schedules/hadamard.py',
    '../_base_/default_runtime.py'
]
model = dict(net=dict(genotype='hadamard-haze'))
