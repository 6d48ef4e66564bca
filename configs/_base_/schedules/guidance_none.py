# No guidance, a baseline.
_base_ = ['../models/hyperguidance.py', './adam_hyperguidance.py']
model = dict(stage=dict(proxy=None))
guidance_evaluators = []  # there is no map of the noise
