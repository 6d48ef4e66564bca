# Test on Levin's 32 pictures of shaken cameras (`LEVIN_ROOT`), with the noise that they have.
_base_ = './deblur_bilevel.py'
test_dataloader = dict(batch_size=1, dataset=dict(
    _delete_=True, type='LevinDataset', data_root='{{$LEVIN_ROOT:data/levin}}', test_mode=True,
    pipeline=[dict(type='LoadPairFromFile'), dict(type='LoadKernel'), dict(type='PackPairInputs')]))
test_evaluator = dict(_delete_=True, type='DeblurMetric', shift=5)
