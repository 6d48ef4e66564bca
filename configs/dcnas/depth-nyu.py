# Depth on NYU v2 (`NYU_ROOT`; paper, table II): one network, by itself the printed one.
# SCALE: 4, 8 (default) or 16; the printed networks are for 4 and 16. PATCH: side of a training patch (default 256).
# NOISE: standard deviation of Gaussian noise on the depth in low resolution, of 255 (default 0); 5 in table III, whose 25
# is the variance.
_base_ = [
    '../_base_/models/dcnas.py', '../_base_/datasets/nyu_guided.py', '../_base_/schedules/adam_halving.py',
    '../_base_/default_runtime.py'
]
work_dir = f'work_dirs/depth-nyu_x{_base_.scale}' + (f'_noise{_base_.noise}' if _base_.noise else '')
model = dict(scales=(_base_.scale, ), unit=1.0, error='rmse',
             net=dict(genotype='dcnas-16x' if _base_.scale == 16 else 'dcnas-4x'))
sampling = dict(batch_size=10)
search = dict(shape=(480, 640), max_score=0.75)  # else the supernet has not learned enough
