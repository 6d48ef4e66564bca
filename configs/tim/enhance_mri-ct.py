# Fusion of MRI and CT with the published networks (section 5.1.3).
_base_ = './enhance_mri-pet.py'
model = dict(enhancement=dict(genotype='tim-mri-ct'))
train_dataloader = dict(dataset=dict(modality='ct'))
val_dataloader = dict(dataset=dict(modality='ct'))
test_dataloader = dict(dataset=dict(modality='ct'))
