# Triple level as two bilevel problems in turn: the loss, by a frozen classifier of quality, then the architecture, by
# that loss on both levels. One unrolled step. The configs put the hooks together with the data of their upper level.
# No decay: where the classifier has little to say, it alone would move the weights of the loss, to 0.
train_cfg = dict(type='ResumableEpochTrainLoop', max_epochs=40, val_interval=10)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(
    type='OptimWrapper', optimizer=dict(type='SGD', lr=5e-4, momentum=0.9), clip_grad=dict(max_norm=5))
param_scheduler = [
    dict(type='CosineAnnealingLR', eta_min_ratio=0.01, by_epoch=True, begin=0, convert_to_iter_based=True)]
search_hook = dict(
    type='BilevelSearchHook', strategy=dict(type='Unrolled', radius=1e-3), interval=1,
    optimizer=dict(type='Adam', lr=5e-4, betas=(0.5, 0.999)),
    phases=dict(
        loss=dict(choices='^loss', end=20, losses=[dict(
            type='QualityLoss', checkpoint='{{$QUALITY:work_dirs/quality_lowlight/iter_2000.pth}}')]),
        network=dict(choices='^net')))
# What is found trains from scratch by the found loss, on all pictures.
export_hook = dict(type='GenotypeExportHook', shape=(128, 128), retrain={
    'train_dataloader.batch_size': 8, 'optim_wrapper.optimizer': dict(_delete_=True, type='Adam', lr=5e-4)})
