# The best path for depth by 4 on NYU v2 below 2 M parameters (DCNAS algorithm 2).
#     python tools/train.py configs/dcnas/depth-nyu_x4_search.py \
#         --cfg-options load_from=work_dirs/depth-nyu_x4_supernet/epoch_400.pth
_base_ = './depth-nyu_x4.py'
model = dict(net=dict(genotype=None))
train_dataloader = dict(batch_size=10, dataset=dict(_delete_=True, **_base_.held_out))
train_cfg = dict(_delete_=True, type='EvolutionSearchLoop', limit=2.0e6, max_epochs=200, by='rmse')
val_cfg, val_dataloader, val_evaluator = None, None, None
param_scheduler = None
default_hooks = dict(checkpoint=dict(interval=10))
custom_hooks = [
    *_base_.custom_hooks,
    dict(type='GenotypeExportHook', shape=(480, 640), retrain_as='{{fileDirname}}/depth-nyu_x4.py')]
