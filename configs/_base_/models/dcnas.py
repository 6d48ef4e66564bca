# DCNAS (C = 16; DCNAS-Tiny has 8) without a genotype: the supernet.
model = dict(type='GuidedSR', net=dict(type='GuidedSRNet', channels=16, guide_mean=0.45, guide_std=0.225))
# A path leaves the weights of all others alone, which several processes have to know.
find_unused_parameters = True
# What configs/dcnas/supernet.py and search.py take from a recipe, which changes and completes it: settings of
# PathSamplingHook, and limit and rounds of the search. Here they are the paper's.
sampling = dict(num_paths=20, topk=1, warmup_epochs=30, num_initial_paths=1024, interval=20)
search = dict(limit=2.0e6, max_epochs=200)
