# The cooperative search on FiveK (`FIVEK_ROOT`; tables 4 and 5 of the paper): one half of the training split for each
# level, the score is that of the test split.
_base_ = './enhance_search_unpaired.py'
fivek = dict(type='FiveKDataset', data_root='{{$FIVEK_ROOT:data/fivek}}')
dark = dict(fivek, split='splits/train.txt', pipeline=_base_.train_pipeline)
train_dataloader = dict(dataset=dict(dark, _delete_=True, fold=(0, 2)))
val_dataloader = dict(dataset=dict(
    fivek, _delete_=True, split='splits/test.txt', test_mode=True, pipeline=_base_.test_pipeline))
test_dataloader = val_dataloader
search, export = _base_.custom_hooks[-2:]
search.dataloader.dataset = dict(dark, fold=(1, 2))
export.retrain_as = '{{fileDirname}}/enhance_fivek.py'
custom_hooks = [*_base_.custom_hooks[:-2], search, export]
