# The medical tasks of `real_fusion_tasks.py` alone: infrared and visible stays unseen, as a task to adapt to, and is
# what is tested on.
_base_ = './real_fusion_tasks.py'
tasks = all_pairs = _base_.medical
halves = {name: [dict(task, every_nth=(k, 2)) for task in tasks] for k, name in enumerate(('weights', 'choices'))}
train_dataloader = dict(dataset=dict(datasets=halves['weights']))
search_dataloader = [dict(_base_.loader, dataset=task) for task in halves['choices']]
