# Table VIII, model 1: the encoders are of blocks of kernel 3 and ratio 4, the rest is searched.
_base_ = './depth-nyu_x8_supernet.py'
sampling = dict(_base_.custom_hooks[-1], fixed={'^net\\.(guidance|target)': 'k3_r4'})
custom_hooks = [*_base_.custom_hooks[:-1], sampling]
