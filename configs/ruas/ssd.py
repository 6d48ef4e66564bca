# RUAS for detection, hierarchical (table 6, third row): the scene module first, without labels, then all by the loss of
# detection. On the built-in scenes in little light, S3FD's VGG16 from scratch. The other rows of tables 6 to 10 are
# options, see benchmarks/rows.py.
_base_ = [
    '../_base_/datasets/synthetic_lowlight_det.py', '../_base_/models/ruas_ssd.py', '../_base_/schedules/adamw_12e.py',
    '../_base_/default_runtime.py'
]
optim_wrapper = dict(optimizer=dict(lr=5e-4))
default_hooks = dict(guidance=dict(type='TaskGuidanceHook', scene_length=2))
# For ssd_search.py: data of weights and of choices, size of an image; what is found trains end-to-end.
search = dict(weights=dict(length=1000), choices=dict(length=1000, seed=10), shape=(128, 160),
              retrain={'default_hooks.guidance.scene_length': 0})
