# Depth in minutes on a CPU (`RGBDD_ROOT`, `MIDDLEBURY_ROOT`), DCNAS-Tiny: by itself the printed network for 16.
# SCALE: 4, 8 (default) or 16. PATCH: side of a training patch (default 64).
_base_ = [
    '../_base_/models/dcnas.py', '../_base_/datasets/rgbd_guided_demo.py', '../_base_/schedules/adam_60e.py',
    '../_base_/default_runtime.py'
]
work_dir = f'work_dirs/depth_x{_base_.scale}_demo'
model = dict(scales=(_base_.scale, ), unit=0.001, error='rmse',
             net=dict(channels=8, genotype='dcnas-tiny-16x'))
sampling = dict(batch_size=9, num_initial_paths=512, interval=10, num_refresh_paths=32)
search = dict(limit=0.6e6, max_epochs=20, shape=(384, 512))
