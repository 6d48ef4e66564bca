# Levin's four sharp pictures, each blurred by its eight kernels (`LEVIN_ROOT`), with noise of 1 % for the comparison of
# trainings. Another level: "test_dataloader.dataset.pipeline.2.noise=(0.02,0.02)".
#     python tools/dataset_converters/levin.py LevinEtalCVPR09Data/*.mat --out $LEVIN_ROOT
levin_dataloader = dict(
    batch_size=1, num_workers=1, persistent_workers=True, sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='LevinDataset', data_root='{{$LEVIN_ROOT:data/levin}}', data_prefix=dict(img='sharp', kernel='kernel'),
        test_mode=True, pipeline=[
            dict(type='LoadPairFromFile'), dict(type='LoadKernel'),
            dict(type='BlurAndNoise', noise=(0.01, 0.01), seed=0), dict(type='PackPairInputs')]))
levin_evaluator = [dict(type='DeblurMetric', shift=5), dict(type='NoiseLevelError')]
