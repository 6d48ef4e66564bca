# The best path for thermal pictures by 16 below 0.6 M parameters (DCNAS algorithm 2).
#     python tools/train.py configs/dcnas/thermal_x16_search.py --cfg-options load_from=work_dirs/thermal_x16_supernet/epoch_60.pth
_base_ = './thermal_x16.py'
model = dict(net=dict(genotype=None))
train_dataloader = dict(batch_size=8, dataset=dict(_delete_=True, **_base_.held_out))
train_cfg = dict(_delete_=True, type='EvolutionSearchLoop', limit=0.6e6, max_epochs=20, by='rmse')
val_cfg, val_dataloader, val_evaluator = None, None, None
param_scheduler = None
default_hooks = dict(logger=dict(interval=1))
custom_hooks = [
    *_base_.custom_hooks,
    dict(type='GenotypeExportHook', shape=(480, 640), retrain_as='{{fileDirname}}/thermal_x16.py')]
