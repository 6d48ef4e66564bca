# The infrared picture of the built-in scenes by 8, DCNAS-Tiny.
_base_ = './scenes_depth_x8.py'
train_dataloader = dict(dataset=dict(target='thermal'))
held_out = dict(_base_.held_out, target='thermal')
val_dataloader = dict(dataset=dict(target='thermal'))
test_dataloader = val_dataloader
val_evaluator = dict(metric=['PSNR', 'SSIM'])
test_evaluator = val_evaluator
