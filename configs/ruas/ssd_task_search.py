# The search of the task module alone (table 8, third row): neck and head, on the dark images themselves. RECIPE is as
# in ssd_search.py.
_base_ = './ssd_search.py'
model = dict(scene=dict(_delete_=True, type='FixedFusion', rule='visible'))
default_hooks = dict(
    guidance=dict(type='TaskGuidanceHook', final_stage='task'),
    search=dict(_delete_=True, type='BilevelSearchHook', dataloader=_base_.search_dataloader,
                optimizer=_base_.default_hooks.search.optimizer, interval=10, strategy=dict(type='Unrolled')),
    export=dict(retrain={'default_hooks.guidance.scene_length': 0, 'default_hooks.guidance.final_stage': 'task'}))
