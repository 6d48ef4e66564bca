# The same by 4.
_base_ = './depth-nyu_x8_noisy.py'
train_dataloader, val_dataloader, held_out = _base_.train_dataloader, _base_.val_dataloader, _base_.held_out
for leaf in (train_dataloader.dataset, val_dataloader.dataset, held_out):
    leaf.pipeline[1].scale = 4
del leaf
test_dataloader = val_dataloader
