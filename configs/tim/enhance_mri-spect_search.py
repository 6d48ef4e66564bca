# Search of the medical N_T for MRI and SPECT.
_base_ = './enhance_mri-pet_search.py'
train_dataloader = dict(dataset=dict(modality='spect'))
val_dataloader = dict(dataset=dict(modality='spect'))
test_dataloader = dict(dataset=dict(modality='spect'))
search_hook, export_hook = _base_.custom_hooks[-2:]
search_hook.dataloader.dataset.modality = 'spect'
custom_hooks = [*_base_.custom_hooks[:-2], search_hook, export_hook]
