# The Hadamard-based restoration; the loss has the terms that need no file of weights, all counting alike but for the
# total variation, which the published weights hardly use. 'vgg' and 'lpips' are off; with files, as published:
# form='published', terms=(..., 'vgg', 'lpips'), vgg=FILE, lpips=FILE and genotype='hadamard-lol-loss'.
model = dict(
    type='Restoration', net=dict(type='HadamardNet', genotype='hadamard-lol'),
    loss=dict(type='RestorationLoss', genotype=dict(weights=dict(weights=dict(
        l1=1.0, l2=1.0, angle=1.0, ssim=1.0, tv=0.0, laplacian=1.0)))))
