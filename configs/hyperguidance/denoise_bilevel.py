# Noise alone, in colour: the map that the proxies learn is the level of the noise.
_base_ = './deblur_bilevel.py'
noise = dict(type='BlurAndNoise', blur=False, grey=False)
train_dataloader = dict(dataset=dict(pipeline=[dict(noise, size=(64, 64)), dict(type='PackPairInputs')]))
val_dataloader = dict(dataset=dict(pipeline=[dict(noise, size=(128, 128), seed=0), dict(type='PackPairInputs')]))
test_dataloader = dict(dataset=dict(pipeline=[dict(noise, size=(128, 128), seed=0), dict(type='PackPairInputs')]))
