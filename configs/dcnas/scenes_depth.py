# Depth of the built-in scenes, DCNAS-Tiny; metres. SCALE: 4, 8 (default) or 16.
_base_ = [
    '../_base_/models/dcnas.py', '../_base_/datasets/synthetic_guided.py', '../_base_/schedules/adam_60e.py',
    '../_base_/default_runtime.py'
]
work_dir = f'work_dirs/scenes_depth_x{_base_.scale}'
model = dict(net=dict(channels=8, genotype='dcnas-tiny-16x'))
sampling = dict(batch_size=8, num_initial_paths=512, interval=10, num_refresh_paths=32)
search = dict(limit=0.6e6, max_epochs=20, shape=(128, 160))
