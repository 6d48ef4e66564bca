from mmfusenas.models.physics.additive_layer import AdditiveLayer
from mmfusenas.models.physics.deconvolution import Deconvolution
from mmfusenas.models.physics.scattering import Scattering

__all__ = ['AdditiveLayer', 'Deconvolution', 'Scattering']
