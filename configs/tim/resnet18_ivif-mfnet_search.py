# Search of the decoder on MFNet (paper, section 4.3.2): batch 2, SGD from 1e-2, 100 epochs, on the searched N_F.
_base_ = './resnet18_ivif-mfnet.py'
model = dict(task=dict(decode_head=dict(genotype=None)))
train_dataloader = dict(dataset=dict(every_nth=(0, 2)))
search_dataloader = dict(_base_.train_dataloader, dataset=dict(_base_.train_dataloader.dataset, every_nth=(1, 2)))
train_cfg = dict(max_epochs=100)
default_hooks = dict(
    guidance=dict(scene_length=1, task_length=0),
    search=dict(type='BilevelSearchHook', dataloader=search_dataloader, interval=20,
                optimizer=dict(type='Adam', lr=3e-3, betas=(0.5, 0.999), weight_decay=1e-3)),
    # What is found trains for 240 epochs on all pairs.
    export=dict(type='GenotypeExportHook', shape=(384, 512), retrain={
        'train_dataloader.dataset.every_nth': None, 'train_cfg.max_epochs': 240}))
