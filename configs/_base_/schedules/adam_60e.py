# Adam for sixty epochs, the rate halved every twenty. The gradients of different paths, and of patches with and without
# edges, are of very different length: clipped this short they all count alike (without, a supernet by 4 was still bicubic after
# 1200 steps, with it no more after 1000; one seed).
train_cfg = dict(type='ResumableEpochTrainLoop', max_epochs=60, val_interval=20)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=5e-4, betas=(0.9, 0.99), eps=1e-8),
                     clip_grad=dict(max_norm=0.01))
param_scheduler = dict(type='StepLR', step_size=20, gamma=0.5, by_epoch=True)
