# The independent search of table 4: first the scene module by its own loss, then noise removal on its images. RECIPE
# is as in enhance_search.py.
_base_ = './enhance_search_global.py'
default_hooks = dict(
    guidance=dict(type='TaskGuidanceHook', scene_length=10, final_stage='task'),
    search=dict(phases=dict(scene=dict(choices='^scene', end=10), task=dict(choices='^task'))))
