# Fusion of MRI and SPECT with the published networks (section 5.1.3).
_base_ = './enhance_mri-pet.py'
model = dict(enhancement=dict(genotype='tim-mri-spect'))
train_dataloader = dict(dataset=dict(modality='spect'))
val_dataloader = dict(dataset=dict(modality='spect'))
test_dataloader = dict(dataset=dict(modality='spect'))
