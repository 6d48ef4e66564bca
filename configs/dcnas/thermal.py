# Thermal images (`MSRS_ROOT`, `ROADSCENE_ROOT`), DCNAS-Tiny (paper, section IV-E).
# SCALE: 4, 8 (default) or 16. PATCH: side of a training patch (default 128).
_base_ = [
    '../_base_/models/dcnas.py', '../_base_/datasets/thermal_guided.py', '../_base_/schedules/adam_60e.py',
    '../_base_/default_runtime.py'
]
work_dir = f'work_dirs/thermal_x{_base_.scale}'
model = dict(scales=(_base_.scale, ), net=dict(channels=8, genotype='dcnas-tiny-16x'))
optim_wrapper = dict(optimizer=dict(lr=2e-4))
sampling = dict(batch_size=8, num_initial_paths=512, interval=10, num_refresh_paths=32)
search = dict(limit=0.6e6, max_epochs=20, shape=(480, 640))
