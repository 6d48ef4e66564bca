# The segmentor of tim-segment-msrs for the visible image alone: it takes over where infrared fails.
_base_ = './efficientnet_ivif-msrs.py'
model = dict(scene=dict(_delete_=True, type='FixedFusion', rule='visible'))
load_from = 'mmfusenas://tim-segment-msrs'
default_hooks = dict(guidance=dict(scene_length=0, final_stage='task'))
train_cfg = dict(max_iters=600, val_interval=600)
optim_wrapper = dict(optimizer=dict(lr=1e-3))
