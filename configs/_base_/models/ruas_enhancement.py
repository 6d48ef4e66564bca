# RUAS_A of the journal version: scene module, noise removal, noise estimation (paper, section 5.1); 36 653 parameters.
model = dict(
    type='RUASEnhancement',
    scene=dict(type='RUASScene', genotype='ruas-scene', update='additive', loss=dict(type='RTVSceneLoss')),
    task=dict(type='NoiseRemoval', genotype='ruas-denoise'),
    estimation=dict(type='NoiseEstimation'),
    loss=dict(type='DenoisingLoss'))
