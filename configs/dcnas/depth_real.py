# Depth of a phone's sensor in the resolution of its colour camera (`RGBDD_ROOT`; paper, table IV), DCNAS-Tiny.
# PATCH: side of a training patch (default 256).
_base_ = [
    '../_base_/models/dcnas.py', '../_base_/datasets/rgbdd_real_guided.py', '../_base_/schedules/adam_halving.py',
    '../_base_/default_runtime.py'
]
work_dir = 'work_dirs/depth_real'
model = dict(unit=0.001, error='rmse', net=dict(genotype='dcnas-tiny-16x', channels=8))
sampling = dict(batch_size=10)
search = dict(limit=0.6e6, shape=(384, 512))
