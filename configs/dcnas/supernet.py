# A supernet, trained path by path with a ranking predictor (DCNAS section III-C, algorithm 1).
#     RECIPE=./depth.py SCALE=4 python tools/train.py configs/dcnas/supernet.py
# RECIPE: the config that trains what is found, seen from this folder (default ./depth_demo.py). It names the data and,
# as `sampling`, the settings of the hook. What else is read from the environment, SCALE say, stands at its top.
_base_ = '{{$RECIPE:./depth_demo.py}}'
work_dir = f'{_base_.work_dir}_supernet'
model = dict(net=dict(genotype=None))
default_hooks = dict(
    sampling=dict(type='PathSamplingHook', dataset=_base_.held_out, metric='ratio', **_base_.sampling))
val_cfg, val_dataloader, val_evaluator = None, None, None  # an undecided network
