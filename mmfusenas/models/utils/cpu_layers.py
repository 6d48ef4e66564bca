"""Depthwise convolutions and PReLU whose gradients are quick, and right, on a CPU."""
from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_QUICK = 3
"""Side of the undilated kernel for which oneDNN has a quick gradient of the weights."""


class DepthwiseConv2d(nn.Conv2d):
    """Depthwise convolution of stride 1 that keeps the size: ``nn.Conv2d`` with :func:`depthwise_conv2d`.

    Args:
        channels: Channels in and out, and groups. The padding is of zeros, there is no bias.
        kernel_size: Side of the kernel, an odd number.
        dilation: Distance of the kernel's taps. Defaults to 1.

    Shape:
        N x C x H x W to the same.

    Example:
        >>> DepthwiseConv2d(8, 3, dilation=2)(torch.rand(1, 8, 61, 83)).shape
        torch.Size([1, 8, 61, 83])
    """

    def __init__(self, channels: int, kernel_size: int, dilation: int = 1) -> None:
        super().__init__(channels, channels, kernel_size, padding=dilation * (kernel_size // 2), dilation=dilation,
                         groups=channels, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return depthwise_conv2d(x, self.weight, self.dilation[0])


def depthwise_conv2d(x: Tensor, weight: Tensor, dilation: int = 1) -> Tensor:
    """Return ``conv2d(x, weight, groups=C)``, of stride 1 and padded by zeros to keep the size.

    On a CPU, oneDNN computes the gradient of a depthwise kernel quickly only where it is 3 x 3 and not dilated: others
    take ten times as long or more, and with dilation, channels-last and bfloat16 its gradient is wrong (torch 2.13).
    So there it is put together from gradients of undilated 3 x 3 kernels.

    Args:
        x: N x C x H x W.
        weight: C x 1 x k x k, k odd.
        dilation: Distance of the kernel's taps. Defaults to 1.

    Example:
        >>> x, weight = torch.rand(1, 2, 9, 7), torch.rand(2, 1, 5, 5)
        >>> torch.equal(depthwise_conv2d(x, weight), F.conv2d(x, weight, padding=2, groups=2))
        True
    """
    quick = x.device.type != 'cpu' or x.dtype == torch.float64 or (dilation == 1 and weight.shape[-1] <= _QUICK)
    if quick or not (torch.is_grad_enabled() and weight.requires_grad):
        return _conv(x, weight, dilation)
    if torch.is_autocast_enabled('cpu'):
        dtype = torch.get_autocast_dtype('cpu')
        x, weight = x.to(dtype), weight.to(dtype)
    return _Depthwise.apply(x, weight, dilation)


class _Depthwise(torch.autograd.Function):
    """The convolution with a backward pass of our own, which can be differentiated again."""

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, x: Tensor, weight: Tensor, dilation: int) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.dilation = dilation
        return _conv(x, weight, dilation)

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        x, weight = ctx.saved_tensors
        return (_conv(grad, weight.flip(2, 3), ctx.dilation) if ctx.needs_input_grad[0] else None,
                _weight_grad(x, grad, weight, ctx.dilation) if ctx.needs_input_grad[1] else None, None)


def _conv(x: Tensor, weight: Tensor, dilation: int) -> Tensor:
    return F.conv2d(x, weight, padding=dilation * (weight.shape[-1] // 2), dilation=dilation, groups=x.shape[1])


def _weight_grad(x: Tensor, grad: Tensor, weight: Tensor, dilation: int) -> Tensor:
    """Return the gradient of the kernel, block by block of 3 x 3 taps, summed over the phases of the dilation.

    In the images of every ``dilation``-th row and column from the same start, a dilated convolution is a plain one.
    Where blocks overlap they say the same, so a tap is taken from one of them.
    """
    size, padding = weight.shape[-1], dilation * (weight.shape[-1] // 2)
    layout = torch.channels_last if x.is_contiguous(memory_format=torch.channels_last) else torch.contiguous_format
    x = F.pad(x, (padding, padding, padding, padding))
    total = torch.zeros(weight.shape, dtype=torch.float64 if x.dtype == torch.float64 else torch.float32)
    kernel = weight.new_zeros(weight.shape[0], 1, _QUICK, _QUICK)  # its values do not matter
    starts = range(0, size - _QUICK + 1, 2)
    for row, column in ((row, column) for row in range(dilation) for column in range(dilation)):
        phase = grad[:, :, row::dilation, column::dilation].contiguous(memory_format=layout)
        if not phase.numel():
            continue
        blocks = [[_block_grad(x[:, :, row + a * dilation::dilation, column + b * dilation::dilation], phase, kernel,
                               layout) for b in starts] for a in starts]
        total = total + _joined(blocks).to(total)
    return total.to(weight.dtype)


def _block_grad(x: Tensor, grad: Tensor, kernel: Tensor, layout: torch.memory_format) -> Tensor:
    height, width = (side + _QUICK - 1 for side in grad.shape[2:])
    x = x[:, :, :height, :width].contiguous(memory_format=layout)
    return torch.ops.aten.convolution_backward(
        grad, x, kernel, None, [1, 1], [0, 0], [1, 1], False, [0, 0], len(kernel), [False, True, False])[1]


def _joined(blocks: list[list[Tensor]]) -> Tensor:
    """Return the kernel whose blocks of 3 x 3 taps begin at every second tap."""
    rows = [torch.cat([row[0], *(block[..., 1:] for block in row[1:])], 3) for row in blocks]
    return torch.cat([rows[0], *(row[..., 1:, :] for row in rows[1:])], 2)


class OneSlopePReLU(nn.PReLU):
    """``nn.PReLU()`` of one slope: the same values, and gradients that a CPU has in half the time.

    PyTorch's gradient for the slope goes through a tensor of the size of the input, which is summed in the end; here it
    is a product of two vectors, in float32 also where the input is in bfloat16, and that for the input is the one of a
    leaky ReLU.

    Shape:
        Any, to the same.

    Example:
        >>> OneSlopePReLU()(torch.tensor([-2.0, 3.0])).tolist()
        [-0.5, 3.0]
    """

    def __init__(self) -> None:
        super().__init__()

    def forward(self, x: Tensor) -> Tensor:
        mixed = x.dtype == torch.bfloat16 and torch.is_autocast_enabled('cpu')
        other = x.device.type != 'cpu' or not (mixed or x.dtype == self.weight.dtype) or not torch.is_grad_enabled()
        if other or torch.compiler.is_compiling():  # whether by compile or by export
            return F.prelu(x, self.weight)
        return _OneSlope.apply(x, self.weight.to(x.dtype))


class _OneSlope(torch.autograd.Function):
    """The function with a backward pass of our own, which can be differentiated again."""

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, x: Tensor, slope: Tensor) -> Tensor:
        ctx.save_for_backward(x, slope)
        return F.leaky_relu(x, float(slope))

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, grad: Tensor) -> tuple[Tensor, Tensor]:
        x, slope = ctx.saved_tensors
        negative = x.clamp(max=0)
        if torch.is_grad_enabled():  # the gradient is to be differentiated itself
            return torch.where(x > 0, grad, slope * grad), (grad * negative).sum().view_as(slope)
        wide = torch.promote_types(x.dtype, torch.float32)
        of_slope = torch.dot(*(_flat(part, like=x).to(wide) for part in (grad, negative)))
        return torch.ops.aten.leaky_relu_backward(grad, x, float(slope), False), of_slope.to(slope).view_as(slope)


def _flat(x: Tensor, like: Tensor) -> Tensor:
    """Return the elements in the order in which those of an image lie in memory, without a copy where it can be."""
    if like.dim() == 4 and like.is_contiguous(memory_format=torch.channels_last):
        x = x.permute(0, 2, 3, 1)
    return x.reshape(-1)
