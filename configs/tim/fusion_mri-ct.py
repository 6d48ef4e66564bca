# N_F alone on MRI and CT: the row "direct fusion" beside `enhance_mri-ct.py` (table 10).
_base_ = './enhance_mri-ct.py'
model = dict(_delete_=True, **_base_.model.fusion)
