# N_F `light` by l_F alone on real pairs, RoadScene and MSRS: how the bundled weights `tim-light` were made.
_base_ = ['../_base_/datasets/roadscene_fusion.py', '../_base_/schedules/adamw_12e.py', '../_base_/default_runtime.py']
model = dict(type='TIMFusion', genotype='tim-light', loss=dict(type='FusionLoss'))
pipeline = [
    dict(type='LoadPairFromFile'),
    dict(type='JointTransform', transforms=[
        dict(type='RandomPatch', size=(128, 128)), dict(type='RandomFlip', prob=0.5)]),
    dict(type='PackPairInputs'),
]
roadscene, msrs = (
    dict(type='PairDataset', data_root=root, data_prefix=dict(img='train/vi', img2='train/ir'),
         filter_cfg=dict(min_size=128), pipeline=pipeline)
    for root in ('{{$ROADSCENE_ROOT:data/roadscene}}', '{{$MSRS_ROOT:data/msrs}}'))
train_dataloader = dict(batch_size=8, dataset=dict(_delete_=True, type='ConcatDataset', datasets=[roadscene, msrs]))
train_cfg = dict(max_epochs=12, val_interval=12)
optim_wrapper = dict(optimizer=dict(lr=1e-3))
