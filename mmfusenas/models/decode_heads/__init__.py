from mmfusenas.registry import MODELS
from mmfusenas.utils.optional import available, register_missing

if available('mmseg'):
    from mmfusenas.models.decode_heads.feature_distillation_head import FeatureDistillationHead
    from mmfusenas.models.decode_heads.searched_aspp_head import SearchedASPPHead

    __all__ = ['FeatureDistillationHead', 'SearchedASPPHead']
else:
    register_missing(MODELS, 'mmseg', 'FeatureDistillationHead', 'SearchedASPPHead')
