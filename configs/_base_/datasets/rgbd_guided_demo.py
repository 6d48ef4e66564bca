# The same for minutes on a CPU: two patches of 64 x 64 a step (or PATCH), and 160 x 160 where paths are scored.
_base_ = './rgbd_guided.py'
patch = int('{{$PATCH:64}}')
load, degrade, pack = _base_.load, _base_.degrade, _base_.pack
augment = dict(type='JointTransform', transforms=[dict(type='RandomPatch', size=(patch, patch)), *_base_.turns])
middle = dict(type='JointTransform', transforms=[dict(type='CenterCrop', crop_size=160)])
fitted = [dict(leaf, pipeline=[load, degrade, augment, pack]) for leaf in _base_.fitted]
held = [dict(leaf, pipeline=[load, degrade, middle, pack]) for leaf in _base_.held]
held_out = dict(datasets=held)
train_dataloader = dict(batch_size=2, dataset=dict(times=5, dataset=dict(datasets=fitted)))
