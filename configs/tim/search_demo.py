# The short form of a search on the built-in scenes, minutes on two cores: small images, narrow supernet, 60 weight and
# 12 choice steps. RECIPE is the search: ./retinanet_ivif_search.py or ./resnet18_ivif_search.py.
_base_ = '{{$RECIPE:./retinanet_ivif_search.py}}'
size = (96, 128)
model = _base_.narrow
train_dataloader = dict(batch_size=2, dataset=dict(length=60, size=size))
val_dataloader = dict(dataset=dict(length=16, size=size))
test_dataloader = dict(dataset=dict(length=16, size=size))
train_cfg = dict(max_epochs=2)
default_hooks = dict(
    guidance=dict(scene_length=10, by_epoch=False),
    search=dict(interval=5, dataloader=dict(batch_size=2, dataset=dict(length=60, size=size))),
    export=dict(shape=size, retrain={'train_dataloader.batch_size': 4, 'train_dataloader.dataset.length': 200}))
