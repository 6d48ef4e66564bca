# A test of `tim-light` on TNO (`TNO_ROOT`): python tools/test.py configs/tim/fusion_light-tno.py tim-light
_base_ = './fusion_light_real.py'
val_dataloader = dict(dataset=dict(data_root='{{$TNO_ROOT:data/tno}}'))
test_dataloader = val_dataloader
