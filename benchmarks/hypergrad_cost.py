"""What one hyper-gradient costs, as a multiple of one plain training step, in time and in memory.

The supernet of TIM's fusion network on one random batch, which is both the training and the search batch. A plain
step is forward, backward and SGD with momentum and weight decay. The measurements take turns, and each is compared
with the plain step of its own turn, so that a machine that slows down slows both; the median over the turns counts.
Memory is what two runs need at their peak beyond the model and its optimizer, each in a process of its own.

    python benchmarks/hypergrad_cost.py [--size 48] [--batch 1] [--repeats 5] [--operators rb_3 dc_3]
"""
import argparse
import multiprocessing
from collections.abc import Callable
from pathlib import Path
from statistics import median

import torch
from terminaltables import AsciiTable
from timing import interleaved
from torch import Tensor

from mmfusenas.models.scene import TIMFusion
from mmfusenas.models.scene.tim_layers import OPERATORS_TIM
from mmfusenas.nas import FirstOrder, ImplicitGaussNewton, SearchSpace, Unrolled, inner_step
from mmfusenas.utils.command_line import run_tool

BOUNDS = {'plain step': 1.0, 'first order': 1.1, 'implicit Gauss-Newton': 2.2, 'unrolled, finite differences': 4.4,
          'unrolled, exact': None, 'plain step of one path': None}


def main() -> None:
    args = parse_args()
    torch.manual_seed(0)
    runs = build(args)
    times = interleaved(runs, args.repeats)
    context = multiprocessing.get_context('forkserver')
    context.set_forkserver_preload(['mmfusenas.models.scene'])  # imported once, and not by every process
    with context.Pool(1, maxtasksperchild=1) as pool:
        memory = {name: pool.apply(peak, (name, args)) for name in runs}
    rows = [['', 'seconds', 'over a plain step', 'at most', 'peak memory (MB)', 'over a plain step']]
    for name, values in times.items():
        ratio = median(value / plain for value, plain in zip(values, times['plain step'], strict=True))
        rows.append([name, f'{median(values):.3f}', f'{ratio:.2f}', BOUNDS[name] or '', f'{memory[name] / 1e6:.0f}',
                     f'{memory[name] / memory["plain step"]:.2f}'])
    print(AsciiTable(rows, f'TIM supernet, batch {args.batch} of {args.size} x {args.size}').table)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--size', type=int, default=48, help='height and width of the images (default: 48)')
    parser.add_argument('--batch', type=int, default=1, help='images in the batch (default: 1)')
    parser.add_argument('--repeats', type=int, default=5, help='measurements of each (default: 5)')
    parser.add_argument('--device', default='cpu', help='cpu or cuda (default: cpu)')
    parser.add_argument('--operators', nargs='+', default=OPERATORS_TIM, metavar='NAME',
                        help="candidates of the supernet (default: the paper's twelve)")
    return parser.parse_args()


def peak(name: str, args: argparse.Namespace) -> float:
    """Return the memory in bytes that two runs need at their peak beyond what is built before them."""
    run = build(args)[name]
    before = torch.cuda.memory_allocated() if args.device != 'cpu' else resident('VmRSS')
    run(), run()
    return (torch.cuda.max_memory_allocated() if args.device != 'cpu' else resident('VmHWM')) - before


def resident(field: str) -> int:
    """Return the memory of this process in bytes: now (``VmRSS``) or at its peak (``VmHWM``)."""
    lines = Path('/proc/self/status').read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(field))


def build(args: argparse.Namespace) -> dict[str, Callable[[], object]]:
    """What is measured, by name; each run leaves the supernet ready for the next."""
    batch, size, device = args.batch, args.size, torch.device(args.device)
    net = TIMFusion(operators=args.operators, loss=dict(type='FusionLoss')).to(device).train()
    space = SearchSpace(net)
    space.relax()
    inputs = dict(visible=torch.rand(batch, 3, size, size, device=device),
                  infrared=torch.rand(batch, 1, size, size, device=device))
    choices, weights = list(space.alphas().values()), [p for p in net.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(weights, lr=1e-3, momentum=0.9, weight_decay=1e-4)
    path = space.derive(space.genotype()).train()

    def loss() -> Tensor:
        return sum(net(inputs, mode='loss').values())

    def step() -> None:
        optimizer.zero_grad()
        loss().backward()
        optimizer.step()

    def path_step() -> None:
        path.zero_grad()
        sum(path(inputs, mode='loss').values()).backward()

    def hyper_gradient(strategy: Callable) -> Callable[[], object]:
        def run() -> object:
            return strategy(loss, loss, choices, weights, list(net.buffers()), inner_step(optimizer, weights))
        return run

    strategies = FirstOrder(), ImplicitGaussNewton(), Unrolled(), Unrolled(exact=True)
    return dict(zip(BOUNDS, [step, *map(hyper_gradient, strategies), path_step], strict=True))


if __name__ == '__main__':
    run_tool(main)
