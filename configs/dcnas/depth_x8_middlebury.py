# Test of depth by 8 on Middlebury (`MIDDLEBURY_ROOT`), in grey levels of its 8-bit depth.
_base_ = './depth_x8.py'
test_dataloader = dict(dataset=dict(data_root='{{$MIDDLEBURY_ROOT:data/middlebury}}'))
test_evaluator = dict(unit=1.0)
