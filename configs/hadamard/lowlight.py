# The published network (lol) on the built-in road scenes in little light.
_base_ = [
    '../_base_/models/hadamard.py', '../_base_/datasets/synthetic_lowlight.py', '../_base_/schedules/hadamard.py',
    '../_base_/default_runtime.py'
]
