# Adam at 1e-4 for the network. Its gradients are clipped and its rate falls along a cosine, which is not published: the
# checkpoints of a run at one rate differ by up to 1 dB.
_base_ = '../default_runtime.py'
train_cfg = dict(type='ResumableEpochTrainLoop', max_epochs=50, val_interval=10)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=1e-4), clip_grad=dict(max_norm=1.0))
param_scheduler = [
    dict(type='CosineAnnealingLR', eta_min_ratio=0.01, by_epoch=True, begin=0, convert_to_iter_based=True)]
