# Deep unfolding in five stages under adaptive guidance; 1 676 810 parameters, of which the proxies have 375 365.
model = dict(
    type='HyperGuidedRestoration', stages=5,
    stage=dict(type='GuidedStage', physics=dict(type='Deconvolution'), proxy=dict(type='GuidanceProxy')))
