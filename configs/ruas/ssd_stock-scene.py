# RUAS_s + TM of table 8: RUAS's scene module in front of the detector with 3 x 3 convolutions.
_base_ = './ssd_end-to-end.py'
model = dict(task=dict(neck=dict(genotype='ruas-ssd-stock#neck'), bbox_head=dict(genotype='ruas-ssd-stock#bbox_head')))
