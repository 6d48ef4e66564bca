# Deblurring the built-in road scenes with noise: the proxies learn by the reconstruction alone, as the rest does.
_base_ = './deblur_joint.py'
model = dict(guidance_loss=None)
