# One map for every image, which says nothing of it: the control of the true one.
_base_ = ['../models/hyperguidance.py', './adam_hyperguidance.py']
model = dict(stage=dict(proxy=dict(_delete_=True, type='KnownGuidance', level=0.03)))
guidance_evaluators = []  # nothing is estimated
