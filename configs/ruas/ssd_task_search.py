# The search of the task module alone (table 8, third row): neck and head, on the dark pictures themselves.
_base_ = './ssd_search.py'
model = dict(scene=dict(_delete_=True, type='FixedFusion', rule='visible'))
coop, export = _base_.custom_hooks[-2:]
stage = dict(type='TaskGuidanceHook', stages=[dict(stage='task')])
export.retrain_as = '{{fileDirname}}/ssd_plain.py'
custom_hooks = [
    *_base_.custom_hooks[:-2], stage, dict(type='BilevelSearchHook', dataloader=coop.dataloader,
    optimizer=coop.optimizer, interval=coop.interval, strategy=dict(type='Unrolled')), export]
