# The published network (mit) on MIT-Adobe FiveK (`FIVEK_ROOT`).
_base_ = [
    '../_base_/models/hadamard.py', '../_base_/datasets/fivek_turned.py', '../_base_/schedules/hadamard.py',
    '../_base_/default_runtime.py'
]
model = dict(net=dict(genotype='hadamard-mit'))
