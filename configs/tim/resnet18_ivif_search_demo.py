# The short form of the search, minutes on two cores: small pictures, narrow decoder, 60 weight and 12 choice steps.
_base_ = './resnet18_ivif_search.py'
size = (96, 128)
model = dict(task=dict(decode_head=dict(channels=16)))
train_dataloader = dict(batch_size=2, dataset=dict(length=60, size=size))
val_dataloader = dict(dataset=dict(length=16, size=size))
test_dataloader = dict(dataset=dict(length=16, size=size))
train_cfg = dict(max_epochs=2)
search_hook, export_hook = _base_.custom_hooks[-2:]
search_hook.update(interval=5, dataloader=dict(
    search_hook.dataloader, batch_size=2, dataset=dict(search_hook.dataloader.dataset, length=60, size=size)))
export_hook.update(shape=size, retrain={'train_dataloader.batch_size': 4, 'train_dataloader.dataset.length': 200})
custom_hooks = [
    *_base_.custom_hooks[:1], dict(type='TaskGuidanceHook', by_epoch=False, stages=[
        dict(stage='scene', end=10), dict(stage='joint')]), search_hook, export_hook,
]
