# The proxies learn the guidance in alternation with the network, by Adam at 1e-4: one step each an iteration.
_base_ = ['../models/hyperguidance.py', './adam_hyperguidance.py']
default_hooks = dict(proxies=dict(
    type='BilevelSearchHook', strategy=dict(type='FirstOrder'), interval=1, optimizer=dict(type='Adam', lr=1e-4),
    phases=dict(proxies=dict(choices='proxy', losses=[dict(type='GuidanceLoss')]))))
guidance_evaluators = [dict(type='NoiseLevelError')]
