# N_F without latency constraint and N_T for infrared and visible, trained together (section 4.2): 1.232 M parameters.
model = dict(
    type='TIMEnhancement',
    fusion=dict(
        type='TIMFusion', genotype='tim-full', order=('infrared', 'visible'), loss=dict(type='FusionLoss')),
    enhancement=dict(type='EnhancementNet', genotype='tim-enhance'),
    loss=dict(type='EnhancementLoss'))
