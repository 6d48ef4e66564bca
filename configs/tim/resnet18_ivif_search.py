# Search of the decoder for segmentation (section 4.3.2): weights on one half of the scenes, choices on the other.
_base_ = './resnet18_ivif.py'
model = dict(task=dict(decode_head=dict(genotype=None)))
train_dataloader = dict(batch_size=4, dataset=dict(length=1000))
search_dataloader = dict(
    _base_.train_dataloader, batch_size=4, dataset=dict(_base_.train_dataloader.dataset, length=1000, seed=10))
default_hooks = dict(
    guidance=dict(scene_length=1, task_length=0),
    search=dict(type='BilevelSearchHook', dataloader=search_dataloader, interval=20,
                optimizer=dict(type='Adam', lr=2e-2, betas=(0.5, 0.999), weight_decay=1e-3)),
    export=dict(type='GenotypeExportHook', shape=_base_.scenes.size,
                retrain={'train_dataloader.batch_size': 8, 'train_dataloader.dataset.length': 2000}))
narrow = dict(task=dict(decode_head=dict(channels=16)))  # in `search_demo.py`
