# MIT-Adobe FiveK for restoration: with turns by 90 degrees.
_base_ = './fivek.py'
train_dataloader = dict(dataset=dict(pipeline=_base_.turned_pipeline))
