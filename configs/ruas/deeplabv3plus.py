# RUAS for segmentation, hierarchical, on the built-in scenes in little light. The other rows of table 11 are options, see
# benchmarks/rows.py.
_base_ = [
    '../_base_/datasets/synthetic_lowlight_seg.py', '../_base_/models/ruas_deeplabv3plus.py',
    '../_base_/schedules/adamw_12e.py', '../_base_/default_runtime.py'
]
default_hooks = dict(guidance=dict(type='TaskGuidanceHook', scene_length=2))
# For deeplabv3plus_search.py: data of weights and of choices, weight steps to one of the choices, size of an image.
search = dict(
    weights=dict(length=1000), choices=dict(length=1000, seed=10), interval=10, shape=(128, 160),
    param_scheduler=[dict(type='CosineAnnealingLR', by_epoch=True, begin=0, convert_to_iter_based=True)])
