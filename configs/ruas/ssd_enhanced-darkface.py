# Enhancer + detector on DARK FACE: the scene module trains without labels and then stays as it is.
_base_ = './ssd-darkface.py'
model = dict(task=dict(neck=dict(genotype='ruas-ssd-stock#neck'), bbox_head=dict(genotype='ruas-ssd-stock#bbox_head')))
custom_hooks = [
    *_base_.custom_hooks[:-1], dict(type='TaskGuidanceHook', stages=[dict(stage='scene', end=10), dict(stage='task')])]
