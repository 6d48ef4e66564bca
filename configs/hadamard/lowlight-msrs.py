# The published network (lol) on darkened day pictures of MSRS (`MSRS_ROOT`), tested on LOL's (`LOL_ROOT`).
_base_ = [
    '../_base_/models/hadamard.py', '../_base_/datasets/msrs_darkened.py', '../_base_/schedules/hadamard.py',
    '../_base_/default_runtime.py'
]
