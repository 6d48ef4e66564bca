from mmfusenas.models.necks.feature_distillation_neck import FeatureDistillationNeck
from mmfusenas.models.necks.searched_ssd_neck import SearchedSSDNeck

__all__ = ['FeatureDistillationNeck', 'SearchedSSDNeck']
