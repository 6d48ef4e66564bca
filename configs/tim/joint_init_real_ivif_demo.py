# What `meta_init_real_ivif_demo.py` is measured against: the same four tasks and as many gradients as K = 4 takes.
_base_ = './meta_init_real_ivif_demo.py'
train_cfg = dict(_delete_=True, type='ResumableIterTrainLoop', max_iters=2000, val_interval=2000)
