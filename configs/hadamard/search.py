# Triple level as two bilevel problems in turn, of one unrolled step: the loss, by a classifier of quality, then the
# architecture, by that loss on both levels; weights on one half of the images, loss and choices on the other. RECIPE:
# ./lowlight.py (default), ./haze.py or ./underwater.py; QUALITY: a checkpoint in the place of the recipe's `quality`;
# CLASSIFIER: learning (default; it goes on learning from what the supernet makes) or frozen.
_base_ = '{{$RECIPE:./lowlight.py}}'
data, split = _base_.train_dataloader, _base_.search_split
model = dict(net=dict(genotype=None), loss=dict(genotype=None, total=6.0))  # a common factor selects no term
train_dataloader = dict(batch_size=4, dataset=split.weights)
optim_wrapper = dict(optimizer=dict(_delete_=True, type='SGD', lr=5e-4, momentum=0.9))  # one cosine a phase
param_scheduler = [dict(type='CosineRestartLR', periods=[20, 20], restart_weights=[1, 1], eta_min_ratio=0.01,
                        by_epoch=True, convert_to_iter_based=True)]
quality = '{{$QUALITY:none}}'
learns = dict(learning=dict(optimizer=dict(type='Adam', lr=5e-3), steps=3), frozen={})['{{$CLASSIFIER:learning}}']
quality_loss = dict(type='QualityLoss', checkpoint=_base_.quality if quality == 'none' else quality, **learns)
default_hooks = dict(
    # No decay: where the classifier has little to say, it alone would move the weights of the loss, to 0.
    search=dict(type='BilevelSearchHook', strategy=dict(type='Unrolled', radius=1e-3), interval=1,
                optimizer=dict(type='Adam', lr=5e-4, betas=(0.5, 0.999)),
                phases=dict(loss=dict(choices='^loss', end=20, losses=[quality_loss]), network=dict(choices='^net')),
                dataloader=dict(data, batch_size=4, dataset=dict(data.dataset, **split.choices))),
    export=dict(type='GenotypeExportHook', shape=(128, 128), retrain={
        'train_dataloader.batch_size': data.batch_size,
        'param_scheduler': _base_.param_scheduler,
        'optim_wrapper.optimizer': dict(_base_.optim_wrapper.optimizer, _delete_=True),
        **{f'train_dataloader.dataset.{key}': data.dataset.get(key) for key in split.weights}}))
