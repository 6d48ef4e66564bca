# The same with infrared and visible among the tasks, as in the paper: the task to adapt to has been seen.
_base_ = './meta_init_real_demo.py'
train_dataloader = dict(dataset=dict(datasets=_base_.tasks))
