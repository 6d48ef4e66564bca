# Training of one network for depth by 4: what a search finds trains like this. By itself the printed one.
_base_ = [
    '../_base_/models/dcnas.py', '../_base_/datasets/rgbd_guided_x4.py', '../_base_/schedules/adam_halving.py',
    '../_base_/default_runtime.py'
]
model = dict(net=dict(genotype='dcnas-4x'))
