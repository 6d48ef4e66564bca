# The published network (underwater) on UIEB (`UIEB_ROOT`).
_base_ = [
    '../_base_/models/hadamard.py', '../_base_/datasets/uieb.py', '../_base_/schedules/hadamard.py',
    '../_base_/default_runtime.py'
]
model = dict(net=dict(genotype='hadamard-underwater'))
quality = 'work_dirs/quality_underwater/iter_2000.pth'  # the classifier that search.py asks
