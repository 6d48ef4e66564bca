# A test of `tim-light` on TNO (`TNO_ROOT`): python tools/test.py configs/tim/fusion_light-tno.py tim-light
_base_ = ['../_base_/datasets/fusion_patches.py', '../_base_/default_runtime.py']
model = dict(type='TIMFusion', genotype='tim-light')
test_dataloader = dict(_base_.test_loader, dataset=dict(
    type='PairDataset', data_root='{{$TNO_ROOT:data/tno}}', data_prefix=dict(img='test/vi', infrared='test/ir'),
    test_mode=True, pipeline=_base_.test_pipeline))
test_cfg = dict(type='TestLoop')
val_evaluator = None
