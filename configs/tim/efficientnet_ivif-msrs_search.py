# Search of the decoder on MSRS (paper, section 4.3.2): weights on one half of the training pairs, choices on the other.
_base_ = './efficientnet_ivif-msrs.py'
model = dict(task=dict(decode_head=dict(genotype=None)))
train_dataloader = dict(dataset=dict(every_nth=(0, 2)))
search_dataloader = dict(_base_.train_dataloader, dataset=dict(_base_.train_dataloader.dataset, every_nth=(1, 2)))
default_hooks = dict(
    search=dict(type='BilevelSearchHook', dataloader=search_dataloader, interval=10,
                optimizer=dict(type='Adam', lr=2e-2, betas=(0.5, 0.999), weight_decay=1e-3)),
    # What is found trains anew on all pairs.
    export=dict(type='GenotypeExportHook', shape=(256, 320), retrain={'train_dataloader.dataset.every_nth': None}))
