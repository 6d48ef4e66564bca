# What the built-in road scenes share: drawn from a seed, so nothing is loaded; 2 000 to train.
scenes = dict(size=(128, 160), difficulty='normal')  # height, width
loader = dict(
    batch_size=8, num_workers=2, persistent_workers=True, sampler=dict(type='DefaultSampler', shuffle=True))
test_loader = dict(
    batch_size=8, num_workers=2, persistent_workers=True, sampler=dict(type='DefaultSampler', shuffle=False))
# Other seeds to validate and to test: no scene is seen twice.
seeds = dict(train=dict(length=2000, seed=0), val=dict(length=200, seed=1, test_mode=True),
             test=dict(length=200, seed=2, test_mode=True))
# What a search shows the weights, and the choices.
search_split = dict(weights=dict(length=500), choices=dict(length=500, seed=10))
