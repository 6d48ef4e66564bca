# The short form of the search, minutes on two cores: four candidates, a narrow neck, 40 weight and 8 choice steps; what
# was found trains for 250 iterations.
_base_ = './ssd_search.py'
operators = ['c_1', 'c_3', 'c_3d2', 'c_5']
model = dict(task=dict(
    neck=dict(operators=operators, extras=((64, 128, 2), (64, 128, 2))),
    bbox_head=dict(operators=operators, in_channels=(256, 512, 512, 1024, 128, 128))))
train_dataloader = dict(batch_size=2, dataset=dict(length=40))
val_dataloader = dict(dataset=dict(length=16))
test_dataloader = val_dataloader
train_cfg = dict(max_epochs=2, val_interval=2)
search_hook, export_hook = _base_.custom_hooks[-2:]
search_hook.update(interval=5, turns=[dict(stage='scene', iters=10), dict(stage='task', iters=10)], dataloader=dict(
    search_hook.dataloader, batch_size=2, dataset=dict(search_hook.dataloader.dataset, length=40)))
export_hook.retrain = {
    'train_dataloader.batch_size': 4, 'train_dataloader.dataset.length': 250, 'train_cfg.max_epochs': 4,
    'param_scheduler.1.end': 4, 'val_dataloader.dataset.length': 100, 'test_dataloader.dataset.length': 100}
custom_hooks = [*_base_.custom_hooks[:-2], search_hook, export_hook]
