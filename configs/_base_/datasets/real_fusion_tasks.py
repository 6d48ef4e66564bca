# The four fusion tasks of the paper, one an epoch, patches of 64 x 64: infrared and visible (RoadScene),
# MRI and CT, PET and SPECT (Harvard).
_base_ = './fusion_patches.py'
roadscene_root = '{{$ROADSCENE_ROOT:data/roadscene}}'
harvard_root = '{{$HARVARD_ROOT:data/harvard}}'
medical = [dict(type='HarvardDataset', data_root=harvard_root, modality=modality, pipeline=_base_.pipeline)
           for modality in ('ct', 'pet', 'spect')]
# All pairs, which serve where nothing is searched; halves for the weights and for the choices of a search.
tasks = all_pairs = [
    dict(type='PairDataset', data_root=roadscene_root, data_prefix=dict(img='train/vi', infrared='train/ir'),
         filter_cfg=dict(min_size=64), pipeline=_base_.pipeline), *medical]
halves = {name: [dict(task, every_nth=(k, 2)) for task in tasks] for k, name in enumerate(('weights', 'choices'))}
loader = dict(_base_.loader, batch_size=4)
train_dataloader = dict(loader, dataset=dict(type='AlternatingDataset', datasets=halves['weights']))
search_dataloader = [dict(loader, dataset=task) for task in halves['choices']]
val_dataloader = dict(_base_.test_loader, dataset=dict(
    type='PairDataset', data_root=roadscene_root, data_prefix=dict(img='test/vi', infrared='test/ir'), test_mode=True,
    pipeline=_base_.test_pipeline))
test_dataloader = val_dataloader
