# The published network (lol) brightens dark images. DATA in the environment: synthetic, the built-in road scenes
# (default); lol, LOL (`LOL_ROOT`); fivek, MIT-Adobe FiveK (`FIVEK_ROOT`), whose published network is
# `--cfg-options model.net.genotype=hadamard-mit`; bsds, images of BSDS500 (`BSDS_ROOT`), and msrs, day images of MSRS
# (`MSRS_ROOT`), that are darkened, both tested on LOL's (`LOL_ROOT`).
_base_ = [
    '../_base_/models/hadamard.py', '../_base_/datasets/{{$DATA:synthetic}}_lowlight.py',
    '../_base_/schedules/hadamard.py', '../_base_/default_runtime.py'
]
quality = 'work_dirs/quality_lowlight-{{$DATA:synthetic}}/iter_2000.pth'  # the classifier that search.py asks
