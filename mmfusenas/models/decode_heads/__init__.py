from mmfusenas.registry import MODELS
from mmfusenas.utils.optional import available, register_missing

if available('mmseg'):
    from mmfusenas.models.decode_heads.feature_distillation_head import FeatureDistillationHead

    __all__ = ['FeatureDistillationHead']
else:
    register_missing(MODELS, 'mmseg', 'FeatureDistillationHead')
