# The same on what the camera took, with the noise that it has.
_base_ = './deblur_bilevel-levin.py'
test_dataloader = dict(dataset=dict(
    data_prefix=dict(img='blurred', gt='sharp'),
    pipeline=[dict(type='LoadPairFromFile'), dict(type='LoadKernel'), dict(type='PackPairInputs')]))
test_evaluator = _base_.levin_evaluator[:1]
