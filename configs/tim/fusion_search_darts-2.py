# The search of the fusion network by that of DARTS's second order: through one weight step, by finite differences (table 6).
_base_ = './fusion_search.py'
search_hook, export_hook = _base_.custom_hooks[-2:]
search_hook.update(strategy=dict(type='Unrolled'))
custom_hooks = [*_base_.custom_hooks[:-2], search_hook, export_hook]
