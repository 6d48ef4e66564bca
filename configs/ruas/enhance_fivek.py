# The same on the dark pictures of MIT-Adobe FiveK (`FIVEK_ROOT`), whose references are for the score alone.
_base_ = [
    '../_base_/models/ruas_enhancement.py', '../_base_/datasets/fivek.py', '../_base_/schedules/adam_100e.py',
    '../_base_/default_runtime.py'
]
# As in enhance_unpaired.py, noise removal learns from noise of a known strength; the references are not looked at.
model = dict(known_noise=True, loss=dict(supervised=True))
find_unused_parameters = True
custom_hooks = [
    *_base_.custom_hooks,
    dict(type='TaskGuidanceHook', stages=[dict(stage='scene', end=50), dict(stage='task')]),
]
