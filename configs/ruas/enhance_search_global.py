# The global search of table 4: scene module and noise removal as one problem, both losses on both levels. RECIPE is as
# in enhance_search.py.
_base_ = './enhance_search.py'
default_hooks = dict(search=dict(
    _delete_=True, type='BilevelSearchHook', dataloader=_base_.search_dataloader,
    optimizer=_base_.default_hooks.search.optimizer, interval=1, strategy=dict(type='Unrolled')))
