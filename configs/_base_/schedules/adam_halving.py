# Adam, the rate halved every hundred epochs (DCNAS section IV-B). The clipping was tried in adam_60e.py alone.
train_cfg = dict(type='ResumableEpochTrainLoop', max_epochs=400, val_interval=50)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=1e-4, betas=(0.9, 0.99), eps=1e-8),
                     clip_grad=dict(max_norm=0.01))
param_scheduler = dict(type='StepLR', step_size=100, gamma=0.5, by_epoch=True)
