# Algorithm 1, lines 14-16: task-guided training on MSRS. The fusion network adapts to the pairs by l_F, the detector
# learns to see its images, then both go on together. This is of the published network and an FPN;
# `algorithm1_neck_search.py` leaves a config that trains what was found in the same way.
_base_ = './retinanet_ivif-msrs.py'
train_cfg = dict(max_iters=800)
default_hooks = dict(guidance=dict(scene_length=50, task_length=350))
search_split = dict(weights=dict(every_nth=(0, 2)), choices=dict(every_nth=(1, 2)))  # halves of the training pairs
