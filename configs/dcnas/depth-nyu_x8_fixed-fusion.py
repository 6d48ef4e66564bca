# What depth-nyu_x8_fixed-fusion_search.py finds trains like this (table VIII).
_base_ = './depth-nyu_x8.py'
