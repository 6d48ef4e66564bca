# The search of the fusion network by chance: the same hook, steps and data, and choices that walk at random (table 6).
_base_ = './fusion_search.py'
search_hook, export_hook = _base_.custom_hooks[-2:]
search_hook.update(strategy=dict(type='RandomChoice'))
custom_hooks = [*_base_.custom_hooks[:-2], search_hook, export_hook]
