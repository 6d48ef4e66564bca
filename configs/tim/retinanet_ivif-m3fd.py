# TIM on M3FD (People, Car, Bus, Motorcycle, Lamp, Truck); the set needs split files, see configs/_base_/datasets/m3fd_det.py.
_base_ = [
    '../_base_/datasets/m3fd_det.py', '../_base_/models/tim_retinanet.py', '../_base_/schedules/adamw_12e.py',
    '../_base_/default_runtime.py'
]
model = dict(task=dict(bbox_head=dict(num_classes=6)))
default_hooks = dict(guidance=dict(type='TaskGuidanceHook', scene_length=1))
