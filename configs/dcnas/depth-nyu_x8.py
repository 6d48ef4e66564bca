# Depth by 8 on NYU v2 (`NYU_ROOT`, paper, table II), with the printed network for 4.
_base_ = [
    '../_base_/models/dcnas.py', '../_base_/datasets/nyu_guided.py', '../_base_/schedules/adam_halving.py',
    '../_base_/default_runtime.py'
]
model = dict(net=dict(genotype='dcnas-4x'))
