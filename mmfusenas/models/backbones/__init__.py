from mmfusenas.models.backbones.efficientnet_lite import EfficientNetLite
from mmfusenas.models.backbones.s3fd_vgg import S3FDVGG

__all__ = ['EfficientNetLite', 'S3FDVGG']
