# The same on the dark images of LOL (`LOL_ROOT`), whose references are for the score alone. LOL_RELEASE=v2-real takes
# the real part of LOL-v2, the 789 pairs of the paper, of which 100 are for the test.
_base_ = [
    '../_base_/models/ruas_enhancement.py', '../_base_/datasets/lol.py', '../_base_/schedules/adam_100e.py',
    '../_base_/default_runtime.py'
]
find_unused_parameters = True
default_hooks = dict(guidance=dict(type='TaskGuidanceHook', scene_length=50, final_stage='task'))
search = dict(weights=dict(every_nth=(0, 2)), choices=dict(every_nth=(1, 2)), val_interval=20, task_iters=10, lr=3e-3,
              eta_min_ratio=0.01)  # for enhance_search.py
