# Pretext meta-initialisation of N_F (paper, section 3.3). DATA is a file of configs/_base_/datasets: the built-in tasks,
# synthetic_fusion_tasks; those of the paper, real_fusion_tasks; or these without infrared and visible,
# medical_fusion_tasks.
_base_ = ['../_base_/datasets/{{$DATA:synthetic_fusion_tasks}}.py', '../_base_/schedules/meta_init.py']
train_dataloader = dict(dataset=dict(datasets=_base_.tasks))
