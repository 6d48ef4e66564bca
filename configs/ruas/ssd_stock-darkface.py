# The detector with 3 x 3 convolutions on the dark pictures of DARK FACE, at the same budget.
_base_ = './ssd-darkface.py'
model = dict(
    scene=dict(_delete_=True, type='FixedFusion', rule='visible'),
    task=dict(neck=dict(genotype='ruas-ssd-stock#neck'), bbox_head=dict(genotype='ruas-ssd-stock#bbox_head')))
custom_hooks = [*_base_.custom_hooks[:-1], dict(type='TaskGuidanceHook', stages=[dict(stage='task')])]
