# The infrared image of the built-in scenes, DCNAS-Tiny. SCALE: 4, 8 (default) or 16.
_base_ = './scenes_depth.py'
work_dir = f'work_dirs/scenes_thermal_x{_base_.scale}'
train_dataloader = dict(dataset=dict(target='thermal'))
held_out = dict(_base_.held_out, target='thermal')
val_dataloader = dict(dataset=dict(target='thermal'))
test_dataloader = val_dataloader
val_evaluator = dict(metric=['PSNR', 'SSIM'])
test_evaluator = val_evaluator
