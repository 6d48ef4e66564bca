# Test of `deblur_end-to-end.py` on Levin's pictures and kernels (`LEVIN_ROOT`).
_base_ = ['./deblur_end-to-end.py', '../_base_/datasets/levin.py']
test_dataloader = dict(_delete_=True, **_base_.levin_dataloader)
test_evaluator = _base_.levin_evaluator
