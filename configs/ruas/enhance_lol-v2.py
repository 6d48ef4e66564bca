# The same on the real part of LOL-v2, the 789 pairs of the paper, of which 100 are for the test.
_base_ = './enhance_lol.py'
train_dataloader = dict(dataset=dict(release='v2-real'))
val_dataloader = dict(dataset=dict(release='v2-real'))
test_dataloader = val_dataloader
