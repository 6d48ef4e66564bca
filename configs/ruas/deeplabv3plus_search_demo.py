# The short form of the search, minutes on two cores: four candidates, 40 weight and 8 choice steps.
_base_ = './deeplabv3plus_search.py'
model = dict(task=dict(decode_head=dict(operators=['c_1', 'c_3', 'c_3d6', 'c_5'], channels=64)))
train_dataloader = dict(dataset=dict(length=40))
val_dataloader = dict(dataset=dict(length=16))
test_dataloader = val_dataloader
train_cfg = dict(max_epochs=2, val_interval=2)
default_hooks = dict(
    search=dict(interval=5, alternation=[dict(stage='scene', iters=10), dict(stage='task', iters=10)],
                dataloader=dict(dataset=dict(length=40))),
    export=dict(retrain={
        'train_dataloader.batch_size': 4, 'train_dataloader.dataset.length': 250, 'train_cfg.max_epochs': 4,
        'val_dataloader.dataset.length': 100, 'test_dataloader.dataset.length': 100}))
