# Table VIII, model 3: the search of what is not fixed in depth-nyu_x8_fixed-decoder_supernet.py.
_base_ = './depth-nyu_x8_search.py'
train_cfg = dict(fixed={'^net\\.decoder': 'k3_r4'})
