from mmfusenas.models.restorers.guided_filter_sr import GuidedFilterSR
from mmfusenas.models.restorers.guided_sr import GuidedSR
from mmfusenas.models.restorers.guided_sr_net import GuidedSRNet
from mmfusenas.models.restorers.noise_estimation import NoiseEstimation
from mmfusenas.models.restorers.noise_removal import NoiseRemoval
from mmfusenas.models.restorers.ruas_enhancement import RUASEnhancement

__all__ = ['GuidedFilterSR', 'GuidedSR', 'GuidedSRNet', 'NoiseEstimation', 'NoiseRemoval', 'RUASEnhancement']
