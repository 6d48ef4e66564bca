# Enhancer + segmentor (table 11): the scene module trains without labels and then stays as it is.
_base_ = './deeplabv3plus.py'
custom_hooks = [
    *_base_.custom_hooks[:-1], dict(type='TaskGuidanceHook', stages=[dict(stage='scene', end=2), dict(stage='task')])]
