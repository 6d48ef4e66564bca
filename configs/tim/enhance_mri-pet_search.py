# Search of the medical N_T for MRI and PET (paper, section 5.1.3), on the searched N_F.
_base_ = './enhance_mri-pet.py'
model = dict(enhancement=dict(genotype=None))
train_dataloader = dict(dataset=dict(fold=(0, 2)))
search_dataloader = dict(_base_.train_dataloader, dataset=dict(_base_.train_dataloader.dataset, fold=(1, 2)))
optim_wrapper = dict(optimizer=dict(_delete_=True, type='SGD', lr=1e-3, momentum=0.9, weight_decay=3e-4))
custom_hooks = [
    *_base_.custom_hooks,
    dict(type='BilevelSearchHook', dataloader=search_dataloader, interval=20,
         optimizer=dict(type='Adam', lr=3e-3, betas=(0.5, 0.999), weight_decay=1e-3)),
    dict(type='GenotypeExportHook', shape=(256, 256), retrain={
        'train_dataloader.dataset.fold': None,
        'optim_wrapper.optimizer': dict(_delete_=True, type='Adam', lr=1e-4)}),
]
