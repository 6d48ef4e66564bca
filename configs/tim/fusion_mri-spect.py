# N_F alone on MRI and SPECT: the row "direct fusion" beside `enhance_mri-spect.py` (table 10).
_base_ = './enhance_mri-spect.py'
model = dict(_delete_=True, **_base_.model.fusion)
