# UIEB, images under water, every eighth of them for tests. Folders and share can be named in the environment.
_base_ = './lowlight_patches.py'
every = int('{{$UIEB_EVERY:8}}')
uieb = dict(
    type='UIEBDataset', data_root='{{$UIEB_ROOT:data/uieb}}',
    data_prefix=dict(img='{{$UIEB_RAW:raw-890}}', reference='{{$UIEB_REFERENCE:reference-890}}'))
train_dataloader = dict(
    _base_.loader, dataset=dict(uieb, except_nth=(0, every), pipeline=_base_.turned_pipeline))
val_dataloader = dict(
    _base_.test_loader, dataset=dict(uieb, every_nth=(0, every), test_mode=True, pipeline=_base_.test_pipeline))
test_dataloader = val_dataloader
