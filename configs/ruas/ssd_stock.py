# TM of table 8: the same detector with 3 x 3 convolutions in the place of the searched ones, on the dark pictures.
_base_ = './ssd_plain.py'
model = dict(task=dict(neck=dict(genotype='ruas-ssd-stock#neck'), bbox_head=dict(genotype='ruas-ssd-stock#bbox_head')))
