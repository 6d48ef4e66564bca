# One loss trains proxies and network jointly, the naive baseline.
_base_ = './guidance_bilevel.py'
model = dict(guidance_loss=dict(type='GuidanceLoss'))
default_hooks = dict(proxies=dict(phases=dict(proxies=dict(losses=['model']))))
