# Depth by 4 in minutes on a CPU, DCNAS-Tiny: by itself the printed network for 16.
_base_ = [
    '../_base_/models/dcnas.py', '../_base_/datasets/rgbd_guided_x4_demo.py', '../_base_/schedules/adam_60e.py',
    '../_base_/default_runtime.py'
]
model = dict(net=dict(channels=8, genotype='dcnas-tiny-16x'))
