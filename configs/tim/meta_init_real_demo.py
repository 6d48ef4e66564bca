# The short form of `meta_init_real.py`, of a third of the width, over the medical tasks: infrared and visible stays
# unseen, as the task to adapt to.
_base_ = './meta_init_real.py'
model = dict(channels=16)
train_dataloader = dict(dataset=dict(datasets=_base_.tasks[1:]))
train_cfg = dict(max_iters=100)
optim_wrapper = dict(optimizer=dict(lr=1e-3))  # a tenth of the iterations, ten times the rate
