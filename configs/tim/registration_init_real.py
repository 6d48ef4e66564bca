# N_R alone, first on images of one sensor: an infrared image against itself out of register. Begun with both
# sensors at once it does not find out what a displacement is (docs/en/results/tim.md, "Pairs out of register").
_base_ = [
    '../_base_/models/tim_registration.py', '../_base_/datasets/ivif_real_deformed.py',
    '../_base_/schedules/adamw_12e.py', '../_base_/default_runtime.py'
]
model = dict(
    registration=dict(init_cfg=None),
    fusion=dict(_delete_=True, type='FixedFusion', rule='average'))
one_sensor = {name: dict(dataset, data_prefix=dict(img='train/ir', infrared='train/ir'))
              for name, dataset in _base_.pairs.items()}
train_dataloader = dict(dataset=dict(datasets=list(one_sensor.values())))
val_dataloader = dict(dataset=dict(data_prefix=dict(img='test/ir', infrared='test/ir')))
test_dataloader = val_dataloader
val_evaluator = dict(_delete_=True, type='EndpointError')
test_evaluator = val_evaluator
train_cfg = dict(max_epochs=6, val_interval=2)
optim_wrapper = dict(optimizer=dict(lr=1e-3), paramwise_cfg=None, clip_grad=dict(max_norm=1))
