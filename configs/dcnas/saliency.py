# Maps of salient objects on DUT-OMRON as published (`DUTOMRON_ROOT`; paper, table V): the network learned depth, and is
# only tested.
#     python tools/test.py configs/dcnas/saliency.py work_dirs/depth-nyu_x8/epoch_400.pth
# SCALE: 4, 8 (default) or 16.
_base_ = './depth-nyu.py'
work_dir = f'work_dirs/saliency_x{_base_.scale}'
val_dataloader = dict(dataset=dict(
    data_root='{{$DUTOMRON_ROOT:data/dut-omron}}',
    data_prefix=dict(_delete_=True, img='DUT-OMRON-image', target='pixelwiseGT-new-PNG')))
test_dataloader = val_dataloader
val_evaluator = dict(_delete_=True, type='GuidedSRMetric', metric=['F', 'RMSE'])
test_evaluator = val_evaluator
