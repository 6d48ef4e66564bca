# Search of the fusion network N_F (paper, section 4.1): 20 epochs of cells, 80 of their operators, SGD by a cosine,
# T = 20. The configs give the hook the data of its upper level, one task an epoch in turn. The loss is the published
# one: the rate of SGD is for a loss of its size.
_base_ = '../default_runtime.py'
model = dict(type='TIMFusion', genotype=None, loss=dict(type='FusionLoss', form='information'))
train_cfg = dict(type='ResumableEpochTrainLoop', max_epochs=100, val_interval=20)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(
    type='OptimWrapper', optimizer=dict(type='SGD', lr=1e-3, momentum=0.9, weight_decay=3e-4),
    clip_grad=dict(max_norm=10))
param_scheduler = [dict(type='CosineAnnealingLR', by_epoch=True, begin=0, convert_to_iter_based=True)]
# When the cells are fixed, the others leave the graph.
find_unused_parameters = True
default_hooks = dict(
    search=dict(
        type='BilevelSearchHook', interval=20,
        phases=dict(cells=dict(choices='type$', end=20), operators=dict(choices='ops')),
        optimizer=dict(type='Adam', lr=5e-2, betas=(0.5, 0.999), weight_decay=1e-3)),
    export=dict(type='GenotypeExportHook', shape=(448, 620), retrain={
        'optim_wrapper.optimizer': dict(_delete_=True, type='Adam', lr=1e-3)}))
