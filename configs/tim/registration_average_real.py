# N_R alone across the sensors, from what registration_init_real.py learned. The pair put into register is averaged.
_base_ = './registration_init_real.py'
load_from = 'work_dirs/registration_init_real/epoch_6.pth'
# Some of one sensor still.
train_dataloader = dict(dataset=dict(datasets=[*_base_.pairs.values(), _base_.one_sensor.roadscene]))
val_dataloader = dict(dataset=dict(data_prefix=dict(img='test/vi', infrared='test/ir')))
test_dataloader = val_dataloader
train_cfg = dict(max_epochs=16, val_interval=4)
