# Algorithm 1, lines 6-13: meta-initialisation over the four real tasks, in a quarter of the iterations of
# `meta_init.py` at four times its outer rate. This is of the published network; `algorithm1_search.py` leaves a config
# that does the same with what it found. DATA is as in `meta_init.py`.
_base_ = ['../_base_/datasets/{{$DATA:real_fusion_tasks}}.py', '../_base_/schedules/meta_init.py']
train_dataloader = dict(dataset=dict(datasets=_base_.tasks))
train_cfg = dict(max_iters=250, val_interval=250)
optim_wrapper = dict(optimizer=dict(lr=4e-4))
default_hooks = dict(checkpoint=dict(interval=50))
