# Joint super-resolution and denoising (paper, table III): Gaussian noise of level 25 on the depth in low resolution.
_base_ = './depth-nyu_x8.py'
train_dataloader, val_dataloader, held_out = _base_.train_dataloader, _base_.val_dataloader, _base_.held_out
train_dataloader.dataset.pipeline[1].noise = 25
for leaf in (val_dataloader.dataset, held_out):
    leaf.pipeline[1].update(noise=25, seed=0)
del leaf
test_dataloader = val_dataloader
