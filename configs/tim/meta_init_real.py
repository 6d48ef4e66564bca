# The same on the paper's tasks: infrared and visible, MRI and CT, PET and SPECT.
_base_ = [
    '../_base_/datasets/real_fusion_tasks.py', '../_base_/schedules/adamw_12e.py', '../_base_/default_runtime.py'
]
model = dict(type='TIMFusion', genotype='tim-light', loss=dict(type='FusionLoss', form='information'))
optim_wrapper = dict(optimizer=dict(_delete_=True, type='Adam', lr=1e-4), paramwise_cfg=None)
train_cfg = dict(_delete_=True, type='MetaInitLoop', max_iters=1000, val_interval=200, steps=4)
param_scheduler = []
# Nothing is searched, so all pairs serve.
tasks = [dict(task, fold=None) for task in _base_.halves[0]]
train_dataloader = dict(dataset=dict(datasets=tasks))
default_hooks = dict(checkpoint=dict(by_epoch=False, interval=100))
log_processor = dict(by_epoch=False)
