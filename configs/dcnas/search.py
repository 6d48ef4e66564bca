# The best path of a supernet below a limit on its parameters (DCNAS algorithm 2).
#     RECIPE=./depth.py SCALE=4 python tools/train.py configs/dcnas/search.py \
#         --cfg-options load_from=work_dirs/depth_x4_supernet/epoch_400.pth
# RECIPE and the rest of the environment: as of the supernet, see supernet.py. The recipe names, as `search`, the limit
# (another one: train_cfg.limit=), the number of rounds and the shape of the images for multiply-adds.
_base_ = '{{$RECIPE:./depth_demo.py}}'
work_dir = f'{_base_.work_dir}_search'
model = dict(net=dict(genotype=None))
train_dataloader = dict(batch_size=_base_.sampling.batch_size, dataset=dict(_delete_=True, **_base_.held_out))
train_cfg = dict(_delete_=True, type='EvolutionSearchLoop', limit=_base_.search.limit,
                 max_epochs=_base_.search.max_epochs, metric='ratio',
                 max_score=_base_.search.get('max_score'))
val_cfg, val_dataloader, val_evaluator = None, None, None
param_scheduler = None
every = max(1, _base_.search.max_epochs // 20)
default_hooks = dict(
    logger=dict(interval=every), checkpoint=dict(interval=every),
    export=dict(type='GenotypeExportHook', shape=_base_.search.shape,
                retrain_as='{{fileDirname}}/{{$RECIPE:./depth_demo.py}}'))
