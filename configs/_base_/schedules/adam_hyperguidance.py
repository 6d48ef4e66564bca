# Adam at 1e-4 for the network and, in alternation, for the proxies: one step each an iteration. The network's gradients are
# clipped, which is not published.
train_cfg = dict(type='ResumableEpochTrainLoop', max_epochs=50, val_interval=10)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=1e-4), clip_grad=dict(max_norm=1.0))
param_scheduler = []
proxy_hook = dict(
    type='BilevelSearchHook', strategy=dict(type='FirstOrder'), interval=1, optimizer=dict(type='Adam', lr=1e-4),
    phases=dict(proxies=dict(choices='proxy', losses=[dict(type='GuidanceLoss')])))
