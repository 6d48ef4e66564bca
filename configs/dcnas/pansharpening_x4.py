# Pan-sharpening of four bands by 4, with the printed network for depth by 4 at the width of DCNAS-Tiny.
_base_ = [
    '../_base_/models/dcnas.py', '../_base_/datasets/pansharpening_guided.py', '../_base_/schedules/adam_halving.py',
    '../_base_/default_runtime.py'
]
model = dict(
    bands=(2, 1, 0),
    data_preprocessor=dict(type='GuidedDataPreprocessor', bit_depth=dict(visible=11)),
    net=dict(genotype='dcnas-4x', channels=8, target_channels=4, guidance_channels=1))
optim_wrapper = dict(optimizer=dict(lr=2e-4))
