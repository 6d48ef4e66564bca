# Table VIII, model 2: every fusion is a sum, the rest is searched.
_base_ = './depth-nyu_x8_supernet.py'
sampling = dict(_base_.custom_hooks[-1], fixed={'^net\\.fusions': 'sum'})
custom_hooks = [*_base_.custom_hooks[:-1], sampling]
