# The built-in road scenes in little light with boxes: color cone, car stop, car, person, bike.
_base_ = './synthetic_ivif_det.py'
train_dataloader = dict(dataset=dict(type='SyntheticLowLightScenes'))
val_dataloader = dict(dataset=dict(type='SyntheticLowLightScenes'))
test_dataloader = dict(dataset=dict(type='SyntheticLowLightScenes'))
