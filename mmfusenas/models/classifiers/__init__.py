from mmfusenas.models.classifiers.quality_classifier import QualityClassifier

__all__ = ['QualityClassifier']
