# The size and the budget of the rows of `benchmarks/guidance.py`, on images below `BSDS_ROOT`: three stages, tiny
# denoisers of 32 channels, crops of 48 x 48 in training. GUIDANCE and TEST_NOISE in the environment as in `deblur.py`.
_base_ = ['../_base_/schedules/guidance_{{$GUIDANCE:bilevel}}.py', '../_base_/datasets/bsds_blur.py']
load, pack, test_size = _base_.load, _base_.pack, (144, 144)
# The scale was chosen on the validation images, with GUIDANCE=true (docs/en/results/hyperguidance.md).
denoiser = dict(type='DilatedDenoiser', channels=32, dilations=(1, 2, 3, 3, 2, 1))
model = dict(stages=3, stage=dict(denoiser=denoiser, scale=30.0))
train_dataloader = dict(dataset=dict(pipeline=[load, _base_.turn, dict(_base_.blur, size=(48, 48)), pack]))
val_dataloader = dict(dataset=dict(pipeline=[load, dict(_base_.val_blur, size=test_size), pack]))
test_dataloader = dict(dataset=dict(pipeline=[load, dict(_base_.test_blur, size=test_size), pack]))
train_cfg = dict(max_epochs=32, val_interval=32)
optim_wrapper = dict(optimizer=dict(lr=1e-3))
val_evaluator = [_base_.val_evaluator, *_base_.guidance_evaluators]
test_evaluator = [_base_.test_evaluator, *_base_.guidance_evaluators]
