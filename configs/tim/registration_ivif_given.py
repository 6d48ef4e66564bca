# Pairs that come out of register, with the infrared image in register beside them to score by (MISALIGNED_ROOT with the
# folders vi, ir_warp and ir): a test of what registration_ivif_real.py learned.
_base_ = './registration_ivif_real.py'
test_dataloader = dict(dataset=dict(
    data_root='{{$MISALIGNED_ROOT:data/misaligned}}', data_prefix=dict(img='vi', infrared='ir_warp', aligned='ir'),
    pipeline=[dict(type='LoadPairFromFile'), dict(type='PackPairInputs')]))
# Where the true field is not known, the scores of the fused image, by the pair in register, say what it is worth.
test_evaluator = dict(_delete_=True, type='FusionMetric')
