# N_F alone on MRI and PET: the row "direct fusion" beside `enhance_mri-pet.py` (table 10).
_base_ = './enhance_mri-pet.py'
model = dict(_delete_=True, **_base_.model.fusion)
