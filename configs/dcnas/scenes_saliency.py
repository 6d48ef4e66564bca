# Maps of salient objects of the built-in scenes (paper, table V): the network learned depth, and is only tested.
#     python tools/test.py configs/dcnas/scenes_saliency.py work_dirs/scenes_depth_x8/epoch_60.pth
# SCALE: 4, 8 (default) or 16.
_base_ = './scenes_depth.py'
work_dir = f'work_dirs/scenes_saliency_x{_base_.scale}'
val_dataloader = dict(dataset=dict(target='saliency'))
test_dataloader = val_dataloader
val_evaluator = dict(metric=['F', 'RMSE'])
test_evaluator = val_evaluator
