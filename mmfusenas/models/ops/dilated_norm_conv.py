"""Dilated convolution with norm and ReLU: an edge of the feature-distillation cell."""
from mmfusenas.models.ops.norm_conv import NormConv
from mmfusenas.registry import OPERATORS


@OPERATORS.register_module(name='dil')
class DilatedNormConv(NormConv):
    """Convolution k x k of dilation 2, norm, ReLU (TIM, section 4.3: k in {3, 5, 7}).

    Arguments and shapes are those of :class:`NormConv`.

    Example:
        >>> DilatedNormConv(channels=8, kernel_size=3)(torch.rand(2, 8, 61, 83)).shape
        torch.Size([2, 8, 61, 83])
    """

    dilation = 2
