# Training of one network for depth by 16 on RGB-D-D and Middlebury: by itself the printed one.
_base_ = './depth_x8.py'
train_dataloader, val_dataloader, held_out = _base_.train_dataloader, _base_.val_dataloader, _base_.held_out
for leaf in (*train_dataloader.dataset.dataset.datasets, *held_out.datasets, val_dataloader.dataset):
    leaf.pipeline[1].scale = 16
del leaf
test_dataloader = val_dataloader
model = dict(net=dict(genotype='dcnas-16x'))
