# Low-light enhancement with the published architectures (section 5.1): the scene module first, without labels, then
# noise removal and noise estimation on its images. On the built-in scenes. `model.denoise` is 'adaptive' (RUAS_A),
# 'always' (RUAS) or 'never' (RUAS_s).
_base_ = [
    '../_base_/models/ruas_enhancement.py', '../_base_/datasets/synthetic_lowlight.py',
    '../_base_/schedules/adamw_12e.py', '../_base_/default_runtime.py'
]
optim_wrapper = dict(optimizer=dict(_delete_=True, type='Adam', lr=1e-3), paramwise_cfg=None)
find_unused_parameters = True
default_hooks = dict(guidance=dict(type='TaskGuidanceHook', scene_length=6, final_stage='task'))
# For enhance_search.py: data of weights and of choices, iterations of noise removal a period, rate of the choices.
search = dict(weights=dict(length=500), choices=dict(length=500, seed=10), val_interval=5, task_iters=1, lr=3e-4,
              eta_min_ratio=0.0)
