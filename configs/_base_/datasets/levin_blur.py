# A test on Levin's four sharp images, each blurred by his eight kernels (`LEVIN_ROOT`), with noise of 1 %, or as
# TEST_NOISE in the environment says; what trains is that of synthetic_blur.py.
#     python tools/dataset_converters/levin.py LevinEtalCVPR09Data/*.mat --out $LEVIN_ROOT
_base_ = './synthetic_blur.py'
load, load_kernel = dict(type='LoadPairFromFile'), dict(type='LoadKernel')
levels = [float(level) for level in '{{$TEST_NOISE:0.01}}'.split(',')]
test_blur = dict(_base_.val_blur, noise=(min(levels), max(levels)))
test_dataloader = dict(batch_size=1, num_workers=1, dataset=dict(
    _delete_=True, type='LevinDataset', data_root='{{$LEVIN_ROOT:data/levin}}',
    data_prefix=dict(img='sharp', kernel='kernel'), test_mode=True,
    pipeline=[load, load_kernel, test_blur, _base_.pack]))
test_evaluator = dict(shift=5)
