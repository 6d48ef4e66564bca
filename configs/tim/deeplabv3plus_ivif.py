# Task-guided fusion for mmseg's own DeepLabV3+: the model of a stock config, wrapped.
_base_ = [
    'mmseg::_base_/models/deeplabv3plus_r50-d8.py', '../_base_/datasets/synthetic_ivif_seg.py',
    '../_base_/schedules/adamw_12e.py', '../_base_/default_runtime.py'
]
norm_cfg = dict(type='BN')  # SyncBN needs a GPU
model = dict(
    _delete_=True,
    type='TaskGuidedSegmentor',
    eta=0.1,
    norm_eval=True,
    scene=dict(
        type='TIMFusion', genotype='tim-light', loss=dict(type='FusionLoss'),
        init_cfg=dict(type='Pretrained', checkpoint='mmfusenas://tim-light')),
    task=dict(
        _base_.model, _scope_='mmseg', pretrained=None,
        data_preprocessor=dict(_base_.model.data_preprocessor, size_divisor=32),
        backbone=dict(_base_.model.backbone, norm_cfg=norm_cfg),
        decode_head=dict(_base_.model.decode_head, norm_cfg=norm_cfg, num_classes=11),
        auxiliary_head=dict(_base_.model.auxiliary_head, norm_cfg=norm_cfg, num_classes=11)))
find_unused_parameters = True
default_hooks = dict(guidance=dict(type='TaskGuidanceHook', scene_length=1))
