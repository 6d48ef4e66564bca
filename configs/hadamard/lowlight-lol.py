# The published network (lol) on LOL (`LOL_ROOT`).
_base_ = [
    '../_base_/models/hadamard.py', '../_base_/datasets/lol_turned.py', '../_base_/schedules/hadamard.py',
    '../_base_/default_runtime.py'
]
