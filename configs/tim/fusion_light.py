# N_F alone, TIM with latency constraint (0.127 M parameters), trained with the unsupervised loss l_F.
_base_ = [
    '../_base_/datasets/synthetic_ivif_fusion.py', '../_base_/schedules/adamw_12e.py', '../_base_/default_runtime.py'
]
model = dict(type='TIMFusion', genotype='tim-light', loss=dict(type='FusionLoss'))
optim_wrapper = dict(optimizer=dict(lr=1e-3), paramwise_cfg=None)
