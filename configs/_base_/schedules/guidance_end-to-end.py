# The proxies learn by the reconstruction alone, as the rest does: maps of no meaning.
_base_ = './guidance_joint.py'
model = dict(guidance_loss=None)
