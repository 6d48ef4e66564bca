# Depth on RGB-D-D and Middlebury (`RGBDD_ROOT`, `MIDDLEBURY_ROOT`): one network, by itself the printed one.
# SCALE: 4, 8 (default) or 16; the printed networks are for 4 and 16. PATCH: side of a training patch (default 128).
_base_ = [
    '../_base_/models/dcnas.py', '../_base_/datasets/rgbd_guided.py', '../_base_/schedules/adam_halving.py',
    '../_base_/default_runtime.py'
]
work_dir = f'work_dirs/depth_x{_base_.scale}'
model = dict(scales=(_base_.scale, ), unit=0.001, error='rmse',
             net=dict(genotype='dcnas-16x' if _base_.scale == 16 else 'dcnas-4x'))
sampling = dict(batch_size=9)
search = dict(shape=(480, 640), max_score=0.75)  # else the supernet has not learned enough
