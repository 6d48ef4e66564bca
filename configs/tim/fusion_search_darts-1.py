# The search of the fusion network by the hyper-gradient of DARTS's first order: the weights count as constants (table 6).
_base_ = './fusion_search.py'
search_hook, export_hook = _base_.custom_hooks[-2:]
search_hook.update(strategy=dict(type='FirstOrder'))
custom_hooks = [*_base_.custom_hooks[:-2], search_hook, export_hook]
