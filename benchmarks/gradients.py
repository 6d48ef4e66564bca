"""Training on a CPU: a PReLU of one slope, and losses with Gaussian windows, ours over what PyTorch offers.

Value and gradients, in turns; the median of the ratios counts. The errors are of the gradients against float64's, by
their norms.

    OMP_NUM_THREADS=1 python benchmarks/gradients.py [--repeats 5]
"""
from mmfusenas.utils.allocator import restart_with_fast_allocator

if __name__ == '__main__':
    restart_with_fast_allocator()  # has to come before torch is imported

import argparse
from collections.abc import Callable
from copy import deepcopy
from functools import partial
from statistics import median
from time import perf_counter
from unittest.mock import patch

import torch
import torch.nn.functional as F
from terminaltables import AsciiTable
from torch import Tensor, nn

from mmfusenas.models.losses import relative_total_variation, ssim
from mmfusenas.models.utils.cpu_layers import OneSlopePReLU
from mmfusenas.utils.command_line import run_tool

SLOPES = ((8, 40, 64, 64), (4, 48, 240, 320))
IMAGES = ((8, 3, 128, 128), (1, 3, 400, 600), (1, 3, 1080, 1920))
PLANES = ((24, 1, 128, 128), (2, 1, 480, 640))


def main() -> None:
    args = parse_args()
    rows = [row('PReLU', shape, OneSlopePReLU(), nn.PReLU(), args.repeats) for shape in SLOPES]
    for name, loss, shapes in (('relative total variation', relative_total_variation, IMAGES),
                               ('structural similarity', likeness, PLANES)):
        rows += [row(name, shape, loss, partial(by_convolutions, loss), args.repeats) for shape in shapes]
    head = ['', 'ours (ms)', "PyTorch's (ms)", 'ratio', 'our error', "PyTorch's error"]
    print(AsciiTable([head, *rows], f'{torch.get_num_threads()} threads').table)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--repeats', type=int, default=5, help='measurements of each (default: %(default)s)')
    return parser.parse_args()


def row(name: str, shape: tuple[int, ...], ours: Callable, theirs: Callable, repeats: int) -> list[str]:
    """Return a row of the table."""
    torch.manual_seed(0)
    x = torch.rand(shape).sub(0.5 * (name == 'PReLU')).to(memory_format=torch.channels_last)
    truth = gradients(deepcopy(theirs).double() if isinstance(theirs, nn.Module) else theirs, x.double())[0]
    errors = [max(float((a - b).norm() / b.norm()) for a, b in zip(gradients(side, x)[0], truth))
              for side in (ours, theirs)]
    times = [[gradients(side, x)[1] for side in (ours, theirs)] for _ in range(repeats)]
    return [f'{name}, {" x ".join(map(str, shape))}', *(f'{1e3 * median(column):.1f}' for column in zip(*times)),
            f'{median(a / b for a, b in times):.2f}', *(f'{error:.1e}' for error in errors)]


def gradients(function: Callable, x: Tensor) -> tuple[tuple[Tensor, ...], float]:
    """Return the gradients for input and weights, and the seconds that they take with the value."""
    x = x.clone().requires_grad_()
    weights = list(function.parameters()) if isinstance(function, nn.Module) else []
    grad = torch.ones_like(function(x))
    start = perf_counter()
    found = torch.autograd.grad(function(x), [x, *weights], grad)
    return found, perf_counter() - start


def likeness(x: Tensor) -> Tensor:
    """Return the structural similarity of images with their neighbours of the batch."""
    return ssim(x, x.roll(1, 0))


def by_convolutions(loss: Callable, x: Tensor) -> Tensor:
    """Return a loss with its windows as convolutions, first of the columns, then of the rows."""
    with (patch('mmfusenas.models.losses.rtv_scene_loss.gaussian_window', convolved),
          patch('mmfusenas.models.losses.ssim.gaussian_window', convolved)):
        return loss(x)


def convolved(x: Tensor, sigma: float, reach: int, inside: bool = False) -> Tensor:
    pad = 0 if inside else reach
    taps = torch.exp(-0.5 * (torch.arange(-reach, reach + 1).to(x) / sigma) ** 2)
    taps /= taps.sum()
    y = F.conv2d(x.reshape(-1, 1, *x.shape[2:]), taps.view(1, 1, -1, 1), padding=(pad, 0))
    return F.conv2d(y, taps.view(1, 1, 1, -1), padding=(0, pad)).unflatten(0, x.shape[:2]).squeeze(2)


if __name__ == '__main__':
    run_tool(main)
