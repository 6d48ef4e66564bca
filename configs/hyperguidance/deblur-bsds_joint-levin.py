# Test of `deblur-bsds_joint.py` on Levin's pictures and kernels (`LEVIN_ROOT`).
_base_ = ['./deblur-bsds_joint.py', '../_base_/datasets/levin.py']
test_dataloader = dict(_delete_=True, **_base_.levin_dataloader)
test_evaluator = _base_.levin_evaluator
