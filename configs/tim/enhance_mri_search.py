# Search of the medical N_T (paper, section 5.1.3), on the searched N_F. RECIPE is the config of the pair of modalities:
# ./enhance_mri-pet.py, ./enhance_mri-ct.py or ./enhance_mri-spect.py.
_base_ = '{{$RECIPE:./enhance_mri-pet.py}}'
model = dict(enhancement=dict(genotype=None))
train_dataloader = dict(dataset=dict(every_nth=(0, 2)))
search_dataloader = dict(_base_.train_dataloader, dataset=dict(_base_.train_dataloader.dataset, every_nth=(1, 2)))
optim_wrapper = dict(optimizer=dict(_delete_=True, type='SGD', lr=1e-3, momentum=0.9, weight_decay=3e-4))
default_hooks = dict(
    search=dict(type='BilevelSearchHook', dataloader=search_dataloader, interval=20,
                optimizer=dict(type='Adam', lr=3e-3, betas=(0.5, 0.999), weight_decay=1e-3)),
    export=dict(type='GenotypeExportHook', shape=(256, 256), retrain={
        'train_dataloader.dataset.every_nth': None,
        'optim_wrapper.optimizer': dict(_delete_=True, type='Adam', lr=1e-4)}))
