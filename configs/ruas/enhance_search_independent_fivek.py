# The independent search of table 4: first the scene module by its own loss, then noise removal; on FiveK.
_base_ = './enhance_search_global_fivek.py'
search, export = _base_.custom_hooks[-2:]
custom_hooks = [
    *_base_.custom_hooks[:-2],
    dict(type='TaskGuidanceHook', stages=[dict(stage='scene', end=10), dict(stage='task')]),
    dict(search, phases=[dict(choices='^scene', end=10), dict(choices='^task')]),
    export,
]
