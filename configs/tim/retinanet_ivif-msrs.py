# TIM on MSRS road scenes (person, bicycle, car) at full scale; FOLD=0/4: the first of four folds.
_base_ = [
    '../_base_/datasets/msrs_det.py', '../_base_/models/tim_retinanet.py', '../_base_/schedules/adamw_2k.py'
]
model = dict(task=dict(
    backbone=dict(frozen_stages=-1),  # every level is trained, as for the figures of README.md
    bbox_head=dict(num_classes=3)))
# The detector learns to see the bundled network's images, then both go on together to the end (algorithm 1).
default_hooks = dict(guidance=dict(type='TaskGuidanceHook', task_length=600, by_epoch=False))
