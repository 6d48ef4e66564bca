# A test of what `deblur.py` trained on what the camera took of Levin's images, with the noise that it has, which is not
# known (`LEVIN_ROOT`). GUIDANCE in the environment as in `deblur.py`.
_base_ = ['../_base_/schedules/guidance_{{$GUIDANCE:bilevel}}.py', '../_base_/datasets/levin_blur.py']
test_dataloader = dict(dataset=dict(
    data_prefix=dict(img='blurred', reference='sharp'), pipeline=[_base_.load, _base_.load_kernel, _base_.pack]))
