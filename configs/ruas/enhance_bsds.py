# Scene module and noise removal (eq. 5, lambda = 0) by the references of BSDS500's images made dark (`BSDS_ROOT`): the scene
# module by its brightened images, noise removal by known noise on the references. Noise is removed from every image.
# The cell begins with an image of a mean grey level. What is kept is the mean of the weights over some 500 iterations.
# Scored on LOL's test pairs (`LOL_ROOT`).
_base_ = [
    '../_base_/models/ruas_enhancement.py', '../_base_/datasets/bsds_lowlight_wide.py',
    '../_base_/schedules/adam_100e.py', '../_base_/default_runtime.py'
]
model = dict(
    scene=dict(exposure=0.25), estimation=None, denoise='always', known_noise='reference',
    loss=dict(supervised=True, brightened=1.0), eta=0.0)
train_cfg = dict(max_epochs=70, val_interval=70)
optim_wrapper = dict(optimizer=dict(lr=3e-3))
custom_hooks = [dict(type='EMAHook', momentum=0.002)]
default_hooks = dict(guidance=dict(type='TaskGuidanceHook'))
