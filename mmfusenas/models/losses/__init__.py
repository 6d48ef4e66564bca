from mmfusenas.models.losses.fusion_loss import FusionLoss
from mmfusenas.models.losses.ssim import ssim

__all__ = ['FusionLoss', 'ssim']
