# Algorithm 1, lines 6-13: meta-initialisation over the four real tasks, in a quarter of the iterations of
# `meta_init_real.py` at four times its outer rate. This is of the published network; `algorithm1_search.py` leaves a
# config that does the same with what it found.
_base_ = './meta_init_real.py'
train_cfg = dict(max_iters=250, val_interval=250)
optim_wrapper = dict(optimizer=dict(lr=4e-4))
default_hooks = dict(checkpoint=dict(interval=50))
