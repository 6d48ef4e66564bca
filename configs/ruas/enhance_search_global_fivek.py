# The global search of table 4: scene module and noise removal as one problem, on FiveK.
_base_ = './enhance_search_fivek.py'
coop, export = _base_.custom_hooks[-2:]
search = dict(type='BilevelSearchHook', dataloader=coop.dataloader, optimizer=coop.optimizer, interval=1,
              strategy=dict(type='Unrolled'))
custom_hooks = [*_base_.custom_hooks[:-2], search, export]
