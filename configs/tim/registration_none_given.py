# The row without registration on the pairs of registration_ivif_given.py.
_base_ = './registration_ivif_given.py'
model = dict(_delete_=True, **_base_.model.fusion)
