# The same by 16.
_base_ = './thermal_x8.py'
train_dataloader, val_dataloader, held_out = _base_.train_dataloader, _base_.val_dataloader, _base_.held_out
for part in (train_dataloader.dataset.dataset, val_dataloader.dataset, held_out):
    for leaf in part.datasets:
        leaf.pipeline[1].scale = 16
del part, leaf
test_dataloader = val_dataloader
