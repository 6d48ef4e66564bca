# The true map of the guidance, in training and in tests: the most that a proxy can do. A control.
_base_ = ['../models/hyperguidance.py', './adam_hyperguidance.py']
model = dict(stage=dict(proxy=dict(_delete_=True, type='KnownGuidance')))
guidance_evaluators = []  # nothing is estimated
