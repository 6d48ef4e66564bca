# Noise alone, in colour, on the built-in road scenes: the map that the proxies learn is the level of the noise. GUIDANCE
# and TEST_NOISE in the environment as in `deblur.py`.
_base_ = ['../_base_/schedules/guidance_{{$GUIDANCE:bilevel}}.py', '../_base_/datasets/synthetic_blur.py']
noise, pack, test_size = dict(blur=False, grey=False), _base_.pack, (128, 128)
train_dataloader = dict(dataset=dict(pipeline=[dict(_base_.blur, size=(64, 64), **noise), pack]))
val_dataloader = dict(dataset=dict(pipeline=[dict(_base_.val_blur, size=test_size, **noise), pack]))
test_dataloader = dict(dataset=dict(pipeline=[dict(_base_.test_blur, size=test_size, **noise), pack]))
val_evaluator = [_base_.val_evaluator, *_base_.guidance_evaluators]
test_evaluator = [_base_.test_evaluator, *_base_.guidance_evaluators]
