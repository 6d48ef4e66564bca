# RESIDE (`RESIDE_ROOT`): the proxies learn the guidance in alternation with the network.
_base_ = [
    '../_base_/models/hyperguidance.py', '../_base_/datasets/reside.py',
    '../_base_/schedules/adam_hyperguidance.py', '../_base_/default_runtime.py'
]
model = dict(stage=dict(physics=dict(type='Scattering'), proxy=dict(start=1.0)))
train_dataloader = dict(batch_size=4)
custom_hooks = [*_base_.custom_hooks, _base_.proxy_hook]
