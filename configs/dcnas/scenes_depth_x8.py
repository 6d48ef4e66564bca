# Depth by 8 on the built-in scenes, DCNAS-Tiny; metres.
_base_ = [
    '../_base_/models/dcnas.py', '../_base_/datasets/synthetic_guided.py', '../_base_/schedules/adam_60e.py',
    '../_base_/default_runtime.py'
]
model = dict(net=dict(channels=8, genotype='dcnas-tiny-16x'))
