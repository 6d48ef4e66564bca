# What meta-initialisation is measured against: the same tasks and as many gradients as K = 4 takes, one after the other.
_base_ = './meta_init_real_demo.py'
train_cfg = dict(_delete_=True, type='ResumableIterTrainLoop', max_iters=1500, val_interval=1500)
