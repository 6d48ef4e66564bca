# The built-in road scenes in haze, with the clear ones. Drawn from a seed, so nothing is loaded; no mmdet.
_base_ = './synthetic_lowlight.py'
train_dataloader = dict(dataset=dict(type='SyntheticHazeScenes'))
val_dataloader = dict(dataset=dict(type='SyntheticHazeScenes'))
test_dataloader = dict(dataset=dict(type='SyntheticHazeScenes'))
