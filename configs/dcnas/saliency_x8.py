# Maps of salient objects by 8 on DUT-OMRON as published (`DUTOMRON_ROOT`; paper, table V): the network learned depth, and
# is only tested.
#     python tools/test.py configs/dcnas/saliency_x8.py work_dirs/depth-nyu_x8/epoch_400.pth
_base_ = './depth-nyu_x8.py'
val_dataloader = dict(dataset=dict(
    data_root='{{$DUTOMRON_ROOT:data/dut-omron}}',
    data_prefix=dict(_delete_=True, img='DUT-OMRON-image', img2='pixelwiseGT-new-PNG')))
test_dataloader = val_dataloader
val_evaluator = dict(_delete_=True, type='GuidedSRMetric', metric=['F', 'RMSE'])
test_evaluator = val_evaluator
