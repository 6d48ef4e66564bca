# The supernet of the same, and the loss with six open weights; 4 366 464 parameters.
model = dict(
    type='Restoration', net=dict(type='HadamardNet', genotype=None), loss=dict(type='RestorationLoss', genotype=None))
