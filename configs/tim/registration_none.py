# The row that registration is measured against: the same pairs, out of register, and the fusion network alone.
_base_ = './registration_ivif.py'
model = dict(_delete_=True, **_base_.model.fusion)
val_evaluator = dict(_delete_=True, **_base_.val_evaluator[1])
test_evaluator = dict(_delete_=True, **_base_.test_evaluator[1])
