from mmfusenas.models.scene.base_scene import BaseScene
from mmfusenas.models.scene.enhancement_net import EnhancementNet
from mmfusenas.models.scene.fixed_fusion import FixedFusion
from mmfusenas.models.scene.registered_fusion import RegisteredFusion
from mmfusenas.models.scene.registration_net import RegistrationNet
from mmfusenas.models.scene.ruas_scene import RUASScene
from mmfusenas.models.scene.tim_enhancement import TIMEnhancement
from mmfusenas.models.scene.tim_fusion import TIMFusion

__all__ = [
    'BaseScene', 'EnhancementNet', 'FixedFusion', 'RUASScene', 'RegisteredFusion', 'RegistrationNet', 'TIMEnhancement',
    'TIMFusion',
]
