# The four fusion tasks of the paper that take turns by epoch, patches of 64 x 64: infrared and visible (RoadScene),
# MRI and CT, PET and SPECT (Harvard).
_base_ = './fusion_patches.py'
roadscene_root = '{{$ROADSCENE_ROOT:data/roadscene}}'
harvard_root = '{{$HARVARD_ROOT:data/harvard}}'
# One half for the weights, the other (`halves[1]`) for the choices of a search.
halves = [
    [dict(type='PairDataset', data_root=roadscene_root, data_prefix=dict(img='train/vi', img2='train/ir'),
          filter_cfg=dict(min_size=64), fold=(k, 2), pipeline=_base_.pipeline),
     *(dict(type='HarvardDataset', data_root=harvard_root, modality=modality, fold=(k, 2), pipeline=_base_.pipeline)
       for modality in ('ct', 'pet', 'spect'))]
    for k in (0, 1)
]
loader = dict(_base_.loader, batch_size=4)
train_dataloader = dict(loader, dataset=dict(type='AlternatingDataset', datasets=halves[0]))
search_dataloader = [dict(loader, dataset=task) for task in halves[1]]
val_dataloader = dict(_base_.test_loader, dataset=dict(
    type='PairDataset', data_root=roadscene_root, data_prefix=dict(img='test/vi', img2='test/ir'), test_mode=True,
    pipeline=_base_.test_pipeline))
test_dataloader = val_dataloader
