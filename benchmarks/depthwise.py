"""Gradients of depthwise convolutions on a CPU: ours over PyTorch's, and how far each is from float64's.

Of `DepthwiseConv2d` and of `nn.Conv2d` with the same weights, channels-last, in turns; the median of the ratios counts.
The error is that of the weights' gradient, over its largest element. With dilation and bfloat16 PyTorch's is wrong.

    OMP_NUM_THREADS=1 python benchmarks/depthwise.py [--shape 4 48 240 320] [--repeats 5]
"""
from mmfusenas.utils.allocator import restart_with_fast_allocator

if __name__ == '__main__':
    restart_with_fast_allocator()  # has to come before torch is imported

import argparse
from statistics import median
from time import perf_counter

import torch
import torch.nn.functional as F
from terminaltables import AsciiTable
from torch import Tensor

from mmfusenas.models.utils.cpu_layers import depthwise_conv2d
from mmfusenas.utils.command_line import run_tool

CASES = ((3, 1), (3, 2), (5, 1), (5, 2), (7, 1))


def main() -> None:
    args = parse_args()
    rows = [row(kernel, dilation, dtype, args) for dtype in (torch.float32, torch.bfloat16)
            for kernel, dilation in CASES]
    head = ['', 'ours (ms)', "PyTorch's (ms)", 'ratio', 'our error', "PyTorch's error"]
    print(AsciiTable([head, *rows], f'{" x ".join(map(str, args.shape))}, {torch.get_num_threads()} threads').table)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--shape', nargs=4, type=int, default=(4, 48, 240, 320), metavar=('N', 'C', 'H', 'W'),
                        help='default: 4 48 240 320')
    parser.add_argument('--repeats', type=int, default=5, help='measurements of each (default: %(default)s)')
    return parser.parse_args()


def row(kernel: int, dilation: int, dtype: torch.dtype, args: argparse.Namespace) -> list[str]:
    """Return a row of the table."""
    torch.manual_seed(0)
    x, grad = (torch.randn(args.shape).to(dtype).to(memory_format=torch.channels_last) for _ in range(2))
    weight = torch.randn(args.shape[1], 1, kernel, kernel).to(dtype)
    sides = [(depthwise_conv2d, (dilation, )), (plain, (dilation, ))]
    truth = gradients(plain, (dilation, ), x.double(), weight.double(), grad.double())[0]
    errors = [float((gradients(*side, x, weight, grad)[0].double() - truth).abs().max() / truth.abs().max())
              for side in sides]
    times = [[gradients(*side, x, weight, grad)[1] for side in sides] for _ in range(args.repeats)]
    dilated = f', dilation {dilation}' if dilation > 1 else ''
    return [f'{kernel} x {kernel}{dilated}, {str(dtype).removeprefix("torch.")}',
            *(f'{1e3 * median(column):.0f}' for column in zip(*times)),
            f'{median(ours / theirs for ours, theirs in times):.2f}', *(f'{error:.1e}' for error in errors)]


def plain(x: Tensor, weight: Tensor, dilation: int) -> Tensor:
    return F.conv2d(x, weight, padding=dilation * (weight.shape[-1] // 2), dilation=dilation, groups=x.shape[1])


def gradients(conv: object, options: tuple, x: Tensor, weight: Tensor, grad: Tensor) -> tuple[Tensor, float]:
    """Return the gradient of the weights, and the seconds that both gradients take."""
    leaves = [tensor.detach().requires_grad_() for tensor in (x, weight)]
    out = conv(*leaves, *options)
    start = perf_counter()
    found = torch.autograd.grad(out, leaves, grad)
    return found[1], perf_counter() - start


if __name__ == '__main__':
    run_tool(main)
