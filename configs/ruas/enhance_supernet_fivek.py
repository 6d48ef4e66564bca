# The supernet as it is on FiveK (table 3, first row), as in enhance_supernet_unpaired.py.
_base_ = './enhance_fivek.py'
model = dict(scene=dict(genotype=None), task=dict(genotype=None), denoise='always')
train_cfg = dict(val_interval=100)
custom_hooks = [
    *_base_.custom_hooks,
    dict(type='BilevelSearchHook', dataloader=_base_.train_dataloader, begin=10**9)]
