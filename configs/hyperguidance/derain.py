# Rain on the built-in road scenes: the proxies learn the guidance in alternation with the network.
_base_ = [
    '../_base_/models/hyperguidance.py', '../_base_/datasets/synthetic_rain.py',
    '../_base_/schedules/adam_hyperguidance.py', '../_base_/default_runtime.py'
]
model = dict(stage=dict(physics=dict(type='AdditiveLayer')))
custom_hooks = [*_base_.custom_hooks, _base_.proxy_hook]
