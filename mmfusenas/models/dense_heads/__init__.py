from mmfusenas.registry import MODELS
from mmfusenas.utils.optional import available, register_missing

if available('mmdet'):
    from mmfusenas.models.dense_heads.searched_ssd_head import SearchedSSDHead

    __all__ = ['SearchedSSDHead']
else:
    register_missing(MODELS, 'mmdet', 'SearchedSSDHead')
