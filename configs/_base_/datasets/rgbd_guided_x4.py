# The same by 4.
_base_ = './rgbd_guided.py'
train_dataloader, val_dataloader, held_out = _base_.train_dataloader, _base_.val_dataloader, _base_.held_out
for leaf in (*train_dataloader.dataset.dataset.datasets, *held_out.datasets, val_dataloader.dataset):
    leaf.pipeline[1].scale = 4
del leaf
test_dataloader = val_dataloader
