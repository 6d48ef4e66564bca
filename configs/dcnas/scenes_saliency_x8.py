# Maps of salient objects by 8 on the built-in scenes (paper, table V): the network learned depth, and is only tested.
#     python tools/test.py configs/dcnas/scenes_saliency_x8.py work_dirs/scenes_depth_x8/epoch_60.pth
_base_ = './scenes_depth_x8.py'
val_dataloader = dict(dataset=dict(target='saliency'))
test_dataloader = val_dataloader
val_evaluator = dict(metric=['F', 'RMSE'])
test_evaluator = val_evaluator
