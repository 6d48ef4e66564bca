# The short form of `fusion_light_real.py` that compares architectures: a third of the width, four epochs.
_base_ = './fusion_light_real.py'
model = dict(channels=16)
train_cfg = dict(max_epochs=4, val_interval=4)
param_scheduler = [
    dict(type='CosineAnnealingLR', eta_min_ratio=0.01, by_epoch=True, begin=0, end=4, convert_to_iter_based=True),
]
