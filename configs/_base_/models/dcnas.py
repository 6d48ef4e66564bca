# DCNAS (C = 16; DCNAS-Tiny has 8) without a genotype: the supernet.
model = dict(type='GuidedSR', net=dict(type='GuidedSRNet', channels=16))
# A path leaves the weights of all others alone, which several processes have to know.
find_unused_parameters = True
