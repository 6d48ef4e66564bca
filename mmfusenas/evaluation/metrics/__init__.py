"""Metrics of the evaluation loops."""
from mmfusenas.evaluation.metrics.deblur_metric import DeblurMetric
from mmfusenas.evaluation.metrics.endpoint_error import EndpointError
from mmfusenas.evaluation.metrics.fusion_metric import FusionMetric
from mmfusenas.evaluation.metrics.guided_sr_metric import GuidedSRMetric
from mmfusenas.evaluation.metrics.image_quality_metric import ImageQualityMetric
from mmfusenas.evaluation.metrics.niqe_metric import NIQEMetric
from mmfusenas.evaluation.metrics.noise_level_error import NoiseLevelError
from mmfusenas.evaluation.metrics.quality_accuracy import QualityAccuracy
from mmfusenas.evaluation.metrics.target_contrast_metric import TargetContrastMetric
from mmfusenas.registry import METRICS
from mmfusenas.utils.optional import available, register_missing

__all__ = [
    'DeblurMetric', 'EndpointError', 'FusionMetric', 'GuidedSRMetric', 'ImageQualityMetric', 'NIQEMetric',
    'NoiseLevelError', 'QualityAccuracy', 'TargetContrastMetric',
]

if available('mmdet'):
    from .detection_metric import DetectionMetric

    __all__ += ['DetectionMetric']
else:
    register_missing(METRICS, 'mmdet', 'DetectionMetric')
