# The proxies learn by the reconstruction alone, as the rest does: nothing holds the maps to the true ones.
_base_ = './guidance_joint.py'
model = dict(guidance_loss=None)
