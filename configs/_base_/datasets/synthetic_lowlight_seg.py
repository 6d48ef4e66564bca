# The built-in road scenes in little light with segmentation maps of eleven classes.
_base_ = './synthetic_ivif_seg.py'
train_dataloader = dict(dataset=dict(type='SyntheticLowLightSegScenes'))
val_dataloader = dict(dataset=dict(type='SyntheticLowLightSegScenes'))
test_dataloader = dict(dataset=dict(type='SyntheticLowLightSegScenes'))
