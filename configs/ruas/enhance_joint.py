# As the last step of section 5.1: after the scene module, and noise removal on its pictures, both train together, by
# l_t + lambda l_s; eta is lambda. Noise removal learns from the pictures' own noise, whose loss reaches the scene module.
_base_ = './enhance.py'
custom_hooks = [*_base_.custom_hooks[:-1], dict(type='TaskGuidanceHook', stages=[
    dict(stage='scene', end=5), dict(stage='task', end=10), dict(stage='joint')])]
