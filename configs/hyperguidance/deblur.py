# Deblurring with noise of 1 to 5 %. DATA in the environment: synthetic, the built-in road scenes (default); bsds, crops of
# natural images (`BSDS_ROOT`); levin, a test on Levin's images and kernels (`LEVIN_ROOT`). GUIDANCE: bilevel, proxies
# that learn in alternation with the network (default); joint; end-to-end; none. TEST_NOISE: that of a test, see the data.
_base_ = ['../_base_/schedules/guidance_{{$GUIDANCE:bilevel}}.py', '../_base_/datasets/{{$DATA:synthetic}}_blur.py']
val_evaluator = [_base_.val_evaluator, *_base_.guidance_evaluators]
test_evaluator = [_base_.test_evaluator, *_base_.guidance_evaluators]
