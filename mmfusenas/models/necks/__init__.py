from mmfusenas.models.necks.feature_distillation_neck import FeatureDistillationNeck

__all__ = ['FeatureDistillationNeck']
