"""Fusion metrics as functions of tensors N x 1 x H x W in [0, 255]; each returns N values.

Of the fused image alone, or of (fused, visible, infrared); the two sources may be any pair. ``target_contrast`` is
of an image H x W and boxes in it.

Example:
    >>> from mmfusenas.evaluation import functional as F
    >>> fused, visible, infrared = (torch.randint(256, (2, 1, 64, 80)) for _ in range(3))
    >>> F.entropy(fused).shape, F.vif(fused, visible, infrared).shape
    (torch.Size([2]), torch.Size([2]))
"""
from mmfusenas.evaluation.functional.edges import nabf, qabf
from mmfusenas.evaluation.functional.feature_information import feature_mutual_information
from mmfusenas.evaluation.functional.fidelity import vif
from mmfusenas.evaluation.functional.information import entropy, mutual_information, normalized_mutual_information
from mmfusenas.evaluation.functional.statistics import (
                                                        average_gradient,
                                                        correlation_coefficient,
                                                        mse,
                                                        psnr,
                                                        scd,
                                                        spatial_frequency,
                                                        standard_deviation,
)
from mmfusenas.evaluation.functional.structure import ms_ssim, ssim
from mmfusenas.evaluation.functional.targets import target_contrast

__all__ = [
    'average_gradient', 'correlation_coefficient', 'entropy', 'feature_mutual_information', 'ms_ssim', 'mse',
    'mutual_information', 'nabf', 'normalized_mutual_information', 'psnr', 'qabf', 'scd', 'spatial_frequency', 'ssim',
    'standard_deviation', 'target_contrast', 'vif',
]
