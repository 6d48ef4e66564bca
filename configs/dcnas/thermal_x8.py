# Thermal pictures by 8 (`MSRS_ROOT`, `ROADSCENE_ROOT`), DCNAS-Tiny (paper, section IV-E).
_base_ = [
    '../_base_/models/dcnas.py', '../_base_/datasets/thermal_guided.py', '../_base_/schedules/adam_60e.py',
    '../_base_/default_runtime.py'
]
model = dict(net=dict(channels=8, genotype='dcnas-tiny-16x'))
optim_wrapper = dict(optimizer=dict(lr=2e-4))
