# All at once by the loss of detection and the scene's (table 6, second row); eta is the paper's lambda.
_base_ = './ssd_end-to-end.py'
model = dict(eta=1.0)
