"""The mobile block of DCNAS, and all its forms over shared weights."""
from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmfusenas.models.utils.cpu_layers import DepthwiseConv2d, OneSlopePReLU, depthwise_conv2d
from mmfusenas.nas import Choice

KERNELS = (3, 5, 7)
RATIOS = (2, 3, 4, 5, 6)
ABSENT = 'absent'
SLOPE = 0.25  # of a new PReLU


class SqueezeExcitation(nn.Module):
    """Weigh the channels by what all places together say: mean, 1 x 1 to a quarter, ReLU, 1 x 1, sigmoid.

    Example:
        >>> SqueezeExcitation(8)(torch.rand(1, 8, 5, 7)).shape
        torch.Size([1, 8, 5, 7])
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(channels, channels // 4, 1)
        self.excite = nn.Conv2d(channels // 4, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.excite(self.squeeze(x.mean((2, 3), keepdim=True)).relu()).sigmoid()


class MobileBlock(nn.Module):
    """Mobile block (DCNAS fig. 4 d): x + SE(reduce(PReLU(depthwise(PReLU(expand(x)))))), without BatchNorm and bias.

    Args:
        channels: Channels in and out (c).
        kernel: Side of the depthwise kernel.
        ratio: Expansion (r): the depthwise convolution has r c channels.

    Example:
        >>> sum(p.numel() for p in MobileBlock(8, kernel=3, ratio=2).parameters())
        444
    """

    def __init__(self, channels: int, kernel: int, ratio: int) -> None:
        super().__init__()
        width = ratio * channels
        self.expand = nn.Conv2d(channels, width, 1, bias=False)
        self.expand_act = OneSlopePReLU()
        self.depthwise = DepthwiseConv2d(width, kernel)
        self.depthwise_act = OneSlopePReLU()
        self.reduce = nn.Conv2d(width, channels, 1, bias=False)
        self.attention = SqueezeExcitation(channels)

    def forward(self, x: Tensor) -> Tensor:
        y = self.depthwise_act(self.depthwise(self.expand_act(self.expand(x))))
        return x + self.attention(self.reduce(y))


class _Form(nn.Module):
    """One form of a block: it has no weights of its own, and runs on the first channels of the shared ones."""

    def __init__(self, kernel: int, ratio: int) -> None:
        super().__init__()
        self.kernel, self.ratio = kernel, ratio

    def forward(self, x: Tensor, shared: SharedWeights) -> Tensor:
        return shared(x, self.kernel, self.ratio)


class _Absent(nn.Module):
    def forward(self, x: Tensor, shared: SharedWeights) -> Tensor:
        return x


class SharedWeights(MobileBlock):
    """Weights of the widest block, of which every form takes its part.

    The channels of a narrower form are the first ones. Its kernel is the middle of the larger one after a linear
    transform that is learned and starts as the identity: 7 to 5 by 25 x 25 numbers, 5 to 3 by 9 x 9. What the smallest
    kernel does not see starts at zero, so that forms of all kernels begin as one function and learn from each other.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels, KERNELS[-1], RATIOS[-1])
        self.transforms = nn.ParameterDict({str(kernel): nn.Parameter(torch.eye(kernel ** 2))
                                            for kernel in KERNELS[:-1]})
        ring = (KERNELS[-1] - KERNELS[0]) // 2
        nn.init.kaiming_normal_(self.expand.weight, a=SLOPE)
        nn.init.zeros_(self.depthwise.weight)
        with torch.no_grad():
            nn.init.kaiming_normal_(self.depthwise.weight[..., ring:-ring, ring:-ring], a=SLOPE)

    def kernels(self, kernel: int, width: int) -> Tensor:
        """Return the depthwise kernels of a form, width x 1 x kernel x kernel."""
        weight = self.depthwise.weight[:width]
        for smaller in reversed(KERNELS[:-1]):
            if smaller >= kernel:
                weight = weight[..., 1:-1, 1:-1].flatten(1) @ self.transforms[str(smaller)].T
                weight = weight.view(width, 1, smaller, smaller)
        return weight

    def forward(self, x: Tensor, kernel: int, ratio: int) -> Tensor:
        width = ratio * x.shape[1]
        y = self.expand_act(F.conv2d(x, self.expand.weight[:width]))
        y = self.depthwise_act(depthwise_conv2d(y, self.kernels(kernel, width)))
        return x + self.attention(F.conv2d(y, self.reduce.weight[:, :width]))

    def block(self, kernel: int, ratio: int) -> MobileBlock:
        """Return a block of its own with the weights of a form."""
        with torch.device('meta'):  # without initial weights, which would take most of the time
            block = MobileBlock(self.expand.in_channels, kernel, ratio)
        width = block.expand.out_channels
        with torch.no_grad():
            values = {name: value for name, value in self.state_dict().items() if not name.startswith('transforms')}
            values |= {'expand.weight': self.expand.weight[:width], 'reduce.weight': self.reduce.weight[:, :width],
                       'depthwise.weight': self.kernels(kernel, width)}
            block.load_state_dict({name: value.detach().clone() for name, value in values.items()}, assign=True)
        return block.train(self.training)


class ElasticMobileBlock(Choice):
    """One block of a one-shot supernet: 15 forms of a :class:`MobileBlock` that share weights, or none (DCNAS table I).

    Candidates are ``'k3_r2'`` to ``'k7_r6'``, kernel and expansion, and ``'absent'``, which is how a stage gets less
    than four blocks. A derived network holds a compact copy of the chosen form.

    Args:
        channels: Channels in and out.

    Shape:
        N x C x H x W to the same.

    Example:
        >>> block = ElasticMobileBlock(8)
        >>> block.select('k5_r3')
        >>> block(torch.rand(1, 8, 7, 9)).shape
        torch.Size([1, 8, 7, 9])
    """

    def __init__(self, channels: int) -> None:
        forms = {f'k{kernel}_r{ratio}': _Form(kernel, ratio) for kernel in KERNELS for ratio in RATIOS}
        super().__init__({**forms, ABSENT: _Absent()})
        self.shared = SharedWeights(channels)

    def derived(self, candidate: str) -> nn.Module:
        """Return a compact block with the weights of a form, or nothing (``nn.Identity``) for ``'absent'``."""
        if candidate == ABSENT:
            return nn.Identity()
        form = self.get_submodule(candidate)
        return self.shared.block(form.kernel, form.ratio)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x, self.shared)
