# The same on the dark images of MIT-Adobe FiveK (`FIVEK_ROOT`), whose references are for the score alone.
_base_ = [
    '../_base_/models/ruas_enhancement.py', '../_base_/datasets/fivek.py', '../_base_/schedules/adam_100e.py',
    '../_base_/default_runtime.py'
]
# As in enhance_unpaired.py, noise removal learns from noise of a known strength; the references are not looked at.
model = dict(known_noise=True, loss=dict(supervised=True))
find_unused_parameters = True
default_hooks = dict(guidance=dict(type='TaskGuidanceHook', scene_length=50, final_stage='task'))
search = dict(weights=dict(every_nth=(0, 2)), choices=dict(every_nth=(1, 2)), val_interval=20, task_iters=10, lr=3e-3,
              eta_min_ratio=0.01)  # for enhance_search.py
