"""CA: the channel attention of TIM's fusion space."""
from torch import Tensor, nn

from mmfusenas.models.utils.cpu_layers import OneSlopePReLU
from mmfusenas.registry import OPERATORS


@OPERATORS.register_module(name='ca')
class ChannelAttention(nn.Module):
    """Efficient channel attention (CA), then a 3 x 3 convolution and PReLU.

    TIM, section 4.1: global mean; 1-D convolution of kernel k over the channels; sigmoid; rescale; conv 3 x 3; PReLU.

    Args:
        channels: Channels in and out.
        kernel_size: k of the convolution over the channels, an odd number.

    Shape:
        N x C x H x W to the same.

    Example:
        >>> ChannelAttention(channels=8, kernel_size=3)(torch.rand(1, 8, 61, 83)).shape
        torch.Size([1, 8, 61, 83])
    """

    def __init__(self, channels: int, kernel_size: int) -> None:
        super().__init__()
        self.attention = nn.Conv1d(1, 1, kernel_size, padding=kernel_size // 2, bias=False)
        self.conv = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.act = OneSlopePReLU()

    def forward(self, x: Tensor) -> Tensor:
        scale = self.attention(x.mean((2, 3)).unsqueeze(1)).sigmoid()
        return self.act(self.conv(x * scale.transpose(1, 2).unsqueeze(3)))
