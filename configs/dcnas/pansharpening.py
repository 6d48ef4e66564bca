# Pan-sharpening of four bands (`PANSHARPENING_ROOT`; paper, table VI), with the printed network for depth by 4 at the
# width of DCNAS-Tiny. SCALE: 4 (default) or another whole number. PATCH: side of a training patch (default 64).
_base_ = [
    '../_base_/models/dcnas.py', '../_base_/datasets/pansharpening_guided.py', '../_base_/schedules/adam_halving.py',
    '../_base_/default_runtime.py'
]
work_dir = f'work_dirs/pansharpening_x{_base_.scale}'
model = dict(
    bands=(2, 1, 0),
    data_preprocessor=dict(type='GuidedDataPreprocessor', bit_depth=dict(guide=11)),
    net=dict(genotype='dcnas-4x', channels=8, target_channels=4, guidance_channels=1,
             guide_mean=0.0, guide_std=1.0))  # of 11 bit, mostly dark
optim_wrapper = dict(optimizer=dict(lr=2e-4))
sampling = dict(batch_size=8, num_initial_paths=512, interval=10, num_refresh_paths=32)
search = dict(limit=0.6e6, max_epochs=20, shape=(128, 128))
