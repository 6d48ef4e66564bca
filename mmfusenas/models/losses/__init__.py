from mmfusenas.models.losses.enhancement_loss import EnhancementLoss
from mmfusenas.models.losses.fusion_loss import FusionLoss
from mmfusenas.models.losses.registration_loss import RegistrationLoss
from mmfusenas.models.losses.ssim import ssim

__all__ = ['EnhancementLoss', 'FusionLoss', 'RegistrationLoss', 'ssim']
