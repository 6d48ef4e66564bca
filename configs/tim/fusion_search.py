# Search of the fusion network N_F (paper, section 4.1). DATA is a file of configs/_base_/datasets: the built-in tasks,
# synthetic_fusion_tasks, or those of the paper, real_fusion_tasks (infrared and visible, MRI with CT, PET and SPECT).
_base_ = ['../_base_/datasets/{{$DATA:synthetic_fusion_tasks}}.py', '../_base_/schedules/fusion_search.py']
default_hooks = dict(
    search=dict(dataloader=_base_.search_dataloader),
    # What is found trains on all pairs.
    export=dict(retrain={'train_dataloader.dataset.datasets': _base_.all_pairs}))
