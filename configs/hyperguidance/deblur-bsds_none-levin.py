# Test of `deblur-bsds_none.py` on Levin's pictures and kernels (`LEVIN_ROOT`).
_base_ = ['./deblur-bsds_none.py', '../_base_/datasets/levin.py']
test_dataloader = dict(_delete_=True, **_base_.levin_dataloader)
test_evaluator = _base_.levin_evaluator[:1]  # there is no map of the noise
