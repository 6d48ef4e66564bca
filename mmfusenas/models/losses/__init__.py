from mmfusenas.models.losses.denoising_loss import DenoisingLoss
from mmfusenas.models.losses.enhancement_loss import EnhancementLoss
from mmfusenas.models.losses.fusion_loss import FusionLoss
from mmfusenas.models.losses.registration_loss import RegistrationLoss
from mmfusenas.models.losses.rtv_scene_loss import RTVSceneLoss, relative_total_variation
from mmfusenas.models.losses.smooth_scene_loss import SmoothSceneLoss
from mmfusenas.models.losses.ssim import ssim

__all__ = [
    'DenoisingLoss', 'EnhancementLoss', 'FusionLoss', 'RTVSceneLoss', 'RegistrationLoss', 'SmoothSceneLoss',
    'relative_total_variation', 'ssim',
]
