# What the sets of real pairs share that train fusion alone: patches of 64 x 64 (TIM, section 4.1), whole images in a test.
load = [dict(type='LoadPairFromFile')]
patch = dict(type='RandomPatch', size=(64, 64))
flip = dict(type='RandomFlip', prob=[0.25, 0.25, 0.25], direction=['horizontal', 'vertical', 'diagonal'])
pack = dict(type='PackPairInputs')
pipeline = [*load, dict(type='JointTransform', transforms=[patch, flip]), pack]
test_pipeline = [*load, pack]
loader = dict(
    batch_size=8, num_workers=2, persistent_workers=True, sampler=dict(type='DefaultSampler', shuffle=True))
test_loader = dict(
    batch_size=1, num_workers=2, persistent_workers=True, sampler=dict(type='DefaultSampler', shuffle=False))

# At every validation the quick ones, in a test those of TIM's tables 1 and 2.
val_evaluator = dict(type='FusionMetric', metric=['MI', 'VIF', 'Qabf', 'SSIM'])
test_evaluator = dict(type='FusionMetric')
