# The supernet of the same, 4 366 464 parameters, and the loss with six open weights: the terms 'vgg' and 'lpips', which need
# files of weights, are off.
model = dict(
    type='Restoration', net=dict(type='HadamardNet', genotype=None), loss=dict(type='RestorationLoss', genotype=None))
