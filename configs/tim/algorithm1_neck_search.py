# Algorithm 1, the neck: search of the cells C_FD (section 4.3.1), on the images of a fusion network that adapts to the
# pairs first and then stays as it is. model.scene.genotype and model.scene.init_cfg.checkpoint name it. RECIPE is the
# training of what is found: ./algorithm1.py (MSRS, the default) or ./algorithm1_demo.py (built-in scenes).
_base_ = '{{$RECIPE:./algorithm1.py}}'
model = dict(task=dict(neck=dict(
    _delete_=True, type='mmfusenas.FeatureDistillationNeck', out_channels=64, channels=32, num_outs=4,
    norm_cfg=dict(type='GN', num_groups=8))))
train_dataloader = dict(dataset=_base_.search_split.weights)
search_dataloader = dict(
    _base_.train_dataloader, dataset=dict(_base_.train_dataloader.dataset, **_base_.search_split.choices))
train_cfg = dict(max_iters=300)
default_hooks = dict(
    guidance=dict(task_length=0, final_stage='task'),
    search=dict(type='BilevelSearchHook', dataloader=search_dataloader, interval=5, begin=100,
                optimizer=dict(type='Adam', lr=5e-2, betas=(0.5, 0.999), weight_decay=1e-3)),
    export=dict(type='GenotypeExportHook', shape=(256, 320),
                retrain_as='{{fileDirname}}/{{$RECIPE:./algorithm1.py}}'))
