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
default_hooks = dict(
    search=dict(interval=5, alternation=[dict(stage='scene', iters=10), dict(stage='task', iters=10)],
                dataloader=dict(batch_size=2, dataset=dict(length=40))),
    export=dict(retrain={
        'train_dataloader.batch_size': 4, 'train_dataloader.dataset.length': 250, 'train_cfg.max_epochs': 4,
        'val_dataloader.dataset.length': 100, 'test_dataloader.dataset.length': 100}))
