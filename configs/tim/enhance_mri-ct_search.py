# Search of the medical N_T for MRI and CT.
_base_ = './enhance_mri-pet_search.py'
train_dataloader = dict(dataset=dict(modality='ct'))
val_dataloader = dict(dataset=dict(modality='ct'))
test_dataloader = dict(dataset=dict(modality='ct'))
search_hook, export_hook = _base_.custom_hooks[-2:]
search_hook.dataloader.dataset.modality = 'ct'
custom_hooks = [*_base_.custom_hooks[:-2], search_hook, export_hook]
