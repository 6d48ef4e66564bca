# The short form of the search: the best path below 0.6 M parameters in twenty rounds.
#     python tools/train.py configs/dcnas/depth_search_demo.py \
#         --cfg-options load_from=work_dirs/depth_supernet_demo/epoch_60.pth
_base_ = './depth_demo.py'
model = dict(net=dict(genotype=None))
train_dataloader = dict(batch_size=9, dataset=dict(_delete_=True, **_base_.held_out))
train_cfg = dict(_delete_=True, type='EvolutionSearchLoop', limit=0.6e6, max_epochs=20, by='rmse')
val_cfg, val_dataloader, val_evaluator = None, None, None
param_scheduler = None
default_hooks = dict(logger=dict(interval=1))
custom_hooks = [
    *_base_.custom_hooks,
    dict(type='GenotypeExportHook', shape=(384, 512), retrain_as='{{fileDirname}}/depth_demo.py')]
