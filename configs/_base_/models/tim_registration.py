# N_R (MRRN) and N_F `light` from the bundled weights, trained jointly (TIM, section 5.1.2).
model = dict(
    type='RegisteredFusion',
    registration=dict(type='RegistrationNet'),
    fusion=dict(
        type='TIMFusion', genotype='tim-light', loss=dict(type='FusionLoss'),
        init_cfg=dict(type='Pretrained', checkpoint='mmfusenas://tim-light')),
    loss=dict(type='RegistrationLoss'))
