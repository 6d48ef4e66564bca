# The supernet as it is, in the place of an architecture (table 3, first row): all candidates of every choice with equal
# weights, which are never changed. Its score is that of the last validation.
_base_ = './enhance_unpaired.py'
model = dict(scene=dict(genotype=None), task=dict(genotype=None), denoise='always')
train_cfg = dict(val_interval=250)
custom_hooks = [
    *_base_.custom_hooks,
    dict(type='BilevelSearchHook', dataloader=_base_.train_dataloader, begin=10**9)]
