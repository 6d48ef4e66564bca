# Search of the fusion operators and the neck for detection (paper, sections 3.2 and 4.3.1): weights on one half of the
# scenes, choices on the other. The cells are successive, as in the published light network.
_base_ = './retinanet_ivif.py'
optim_wrapper = dict(paramwise_cfg=dict(custom_keys={'scene': dict(lr_mult=0.4)}))  # it begins from scratch
model = dict(
    norm_eval=False,  # a supernet's statistics follow its choices
    scene=dict(genotype=None, cells=['successive'], init_cfg=None),
    task=dict(neck=dict(
        _delete_=True, type='mmfusenas.FeatureDistillationNeck', out_channels=64, channels=64, num_outs=4)))
train_dataloader = dict(batch_size=4, dataset=dict(length=1000))
search_dataloader = dict(
    _base_.train_dataloader, batch_size=4, dataset=dict(_base_.train_dataloader.dataset, length=1000, seed=10))
default_hooks = dict(
    guidance=dict(scene_length=1, task_length=0),
    search=dict(type='BilevelSearchHook', dataloader=search_dataloader, interval=20,
                optimizer=dict(type='Adam', lr=2e-2, betas=(0.5, 0.999), weight_decay=1e-3)),
    export=dict(type='GenotypeExportHook', shape=_base_.scenes.size,
                retrain={'train_dataloader.batch_size': 8, 'train_dataloader.dataset.length': 2000}))
narrow = dict(scene=dict(channels=16), task=dict(neck=dict(channels=16, nodes=2)))  # in `search_demo.py`
