# Deblurring crops of natural pictures with noise (`BSDS_ROOT`):
# the proxies learn by the reconstruction alone, as the rest does.
_base_ = './deblur-bsds_joint.py'
model = dict(guidance_loss=None)
