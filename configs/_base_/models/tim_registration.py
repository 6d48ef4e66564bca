# N_R (MRRN) and N_F `light` from the bundled weights, trained jointly (TIM, section 5.1.2). N_R compares features at
# displacements and learns from the field, which is known: as published it learned nothing in what was tried
# (docs/en/results/tim.md).
model = dict(
    type='RegisteredFusion',
    registration=dict(
        type='RegistrationNet', radius=3, normalize=True,
        init_cfg=dict(type='Pretrained', checkpoint='mmfusenas://tim-registration', prefix='registration.')),
    fusion=dict(
        type='TIMFusion', genotype='tim-light', loss=dict(type='FusionLoss'),
        init_cfg=dict(type='Pretrained', checkpoint='mmfusenas://tim-light')),
    loss=dict(type='RegistrationLoss', field_weight=1.0))
