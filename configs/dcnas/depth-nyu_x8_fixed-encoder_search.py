# Table VIII, model 1: the search of what is not fixed in depth-nyu_x8_fixed-encoder_supernet.py.
_base_ = './depth-nyu_x8_search.py'
train_cfg = dict(fixed={'^net\\.(guidance|target)': 'k3_r4'})
