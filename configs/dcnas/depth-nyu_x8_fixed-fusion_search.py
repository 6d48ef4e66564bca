# Table VIII, model 2: the search of what is not fixed in depth-nyu_x8_fixed-fusion_supernet.py.
_base_ = './depth-nyu_x8_search.py'
train_cfg = dict(fixed={'^net\\.fusions': 'sum'})
