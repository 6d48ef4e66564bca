from mmfusenas.models.losses.denoising_loss import DenoisingLoss
from mmfusenas.models.losses.enhancement_loss import EnhancementLoss
from mmfusenas.models.losses.fused_image_loss import FusedImageLoss
from mmfusenas.models.losses.fusion_loss import FusionLoss
from mmfusenas.models.losses.guidance_loss import GuidanceLoss
from mmfusenas.models.losses.quality_loss import QualityLoss
from mmfusenas.models.losses.registration_loss import RegistrationLoss
from mmfusenas.models.losses.restoration_loss import RestorationLoss
from mmfusenas.models.losses.rtv_scene_loss import RTVSceneLoss, relative_total_variation
from mmfusenas.models.losses.smooth_scene_loss import SmoothSceneLoss
from mmfusenas.models.losses.ssim import ssim
from mmfusenas.models.losses.stage_loss import StageLoss

__all__ = [
    'DenoisingLoss', 'EnhancementLoss', 'FusedImageLoss', 'FusionLoss', 'GuidanceLoss', 'QualityLoss', 'RTVSceneLoss',
    'RegistrationLoss', 'RestorationLoss', 'SmoothSceneLoss', 'StageLoss', 'relative_total_variation', 'ssim',
]
