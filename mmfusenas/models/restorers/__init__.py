from mmfusenas.models.restorers.dilated_denoiser import DilatedDenoiser
from mmfusenas.models.restorers.guidance_proxy import GuidanceProxy
from mmfusenas.models.restorers.guided_filter_sr import GuidedFilterSR
from mmfusenas.models.restorers.guided_sr import GuidedSR
from mmfusenas.models.restorers.guided_sr_net import GuidedSRNet
from mmfusenas.models.restorers.guided_stage import GuidedStage
from mmfusenas.models.restorers.hadamard_net import HadamardNet
from mmfusenas.models.restorers.hyper_guided_restoration import HyperGuidedRestoration
from mmfusenas.models.restorers.known_guidance import KnownGuidance
from mmfusenas.models.restorers.noise_estimation import NoiseEstimation
from mmfusenas.models.restorers.noise_removal import NoiseRemoval
from mmfusenas.models.restorers.restoration import Restoration
from mmfusenas.models.restorers.ruas_enhancement import RUASEnhancement

__all__ = [
    'DilatedDenoiser', 'GuidanceProxy', 'GuidedFilterSR', 'GuidedSR', 'GuidedSRNet', 'GuidedStage', 'HadamardNet',
    'HyperGuidedRestoration', 'KnownGuidance', 'NoiseEstimation', 'NoiseRemoval', 'RUASEnhancement', 'Restoration',
]
