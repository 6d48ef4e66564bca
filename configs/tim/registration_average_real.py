# N_R alone across the sensors, from what registration_init_real.py learned. The pair put into register is averaged.
_base_ = './registration_init_real.py'
load_from = 'work_dirs/registration_init_real/epoch_6.pth'
pairs = [dict(dataset, data_prefix=dict(img='train/vi', img2='train/ir')) for dataset in _base_.one_sensor]
train_dataloader = dict(dataset=dict(datasets=[*pairs, _base_.one_sensor[0]]))  # some of one sensor still
val_dataloader = dict(dataset=dict(data_prefix=dict(img='test/vi', img2='test/ir')))
test_dataloader = val_dataloader
train_cfg = dict(max_epochs=16, val_interval=4)
param_scheduler = [_base_.param_scheduler[0], dict(_base_.param_scheduler[1], end=16)]
