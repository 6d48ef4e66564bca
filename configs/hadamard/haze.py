# The published network (haze). DATA in the environment: synthetic, the built-in road scenes in haze (default), or reside,
# RESIDE (`RESIDE_ROOT`).
_base_ = [
    '../_base_/models/hadamard.py', '../_base_/datasets/{{$DATA:synthetic}}_haze.py',
    '../_base_/schedules/hadamard.py', '../_base_/default_runtime.py'
]
model = dict(net=dict(genotype='hadamard-haze'))
quality = 'work_dirs/quality_haze-{{$DATA:synthetic}}/iter_2000.pth'  # the classifier that search.py asks
