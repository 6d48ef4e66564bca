"""Residual convolution with norm and ReLU: an edge of the feature-distillation cell."""
from torch import Tensor

from mmfusenas.models.ops.norm_conv import NormConv
from mmfusenas.registry import OPERATORS


@OPERATORS.register_module(name='res')
class ResidualNormConv(NormConv):
    """Convolution k x k, norm, ReLU, plus the input (TIM, section 4.3: k in {3, 5, 7}).

    Arguments and shapes are those of :class:`NormConv`.

    Example:
        >>> ResidualNormConv(channels=8, kernel_size=3)(torch.rand(2, 8, 61, 83)).shape
        torch.Size([2, 8, 61, 83])
    """

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) + x
