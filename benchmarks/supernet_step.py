"""A training step of the supernet on one path, over one of the network that the path is: DCNAS.

Both take the same batch, forward, backward and Adam, in turns; of several random paths. The supernet's step also draws
twenty paths below a random constraint and asks the predictor for the best, as :class:`PathSamplingHook` does.

    OMP_NUM_THREADS=1 python benchmarks/supernet_step.py
"""
from mmfusenas.utils.allocator import restart_with_fast_allocator

if __name__ == '__main__':
    restart_with_fast_allocator()  # has to come before torch is imported

import argparse
from collections.abc import Callable
from statistics import median

import torch
import torch.nn.functional as F
from mmengine.utils import track_iter_progress
from terminaltables import AsciiTable
from timing import interleaved
from torch import Tensor, nn

from mmfusenas.models.restorers import GuidedSRNet
from mmfusenas.nas import Genotype, SearchSpace
from mmfusenas.nas.predictor import PathPredictor
from mmfusenas.nas.sampling import PathSampler
from mmfusenas.utils.command_line import run_tool


def main() -> None:
    args = parse_args()
    net = GuidedSRNet(channels=args.channels).to(memory_format=torch.channels_last)
    space, generator = SearchSpace(net), torch.Generator().manual_seed(0)
    shape = args.batch, 1, *args.shape
    batch = [torch.rand(shape), torch.rand(args.batch, 3, *args.shape), torch.rand(shape)]
    train, draw, rows = stepper(net, batch), drawer(space), []
    for _ in track_iter_progress(range(args.paths)):
        choices = space.sample(generator)
        space.select(choices)
        steps = dict(plain=stepper(space.derive(Genotype(choices)), batch), supernet=lambda: (draw(), train()))
        plain, shared = map(median, interleaved(steps, args.repeats).values())
        rows.append([f'{len(rows)}', f'{plain:.3f}', f'{shared:.3f}', f'{shared / plain:.2f}'])
    ratio = median(float(row[-1]) for row in rows)
    print('\n' + AsciiTable([['path', 'plain (s)', 'supernet (s)', 'ratio'], *rows],
                            f'{tuple(batch[0].shape)}, {torch.get_num_threads()} threads').table)
    print(f'median of the ratios {ratio:.2f} (bound 1.3)')


def stepper(net: nn.Module, batch: list[torch.Tensor]) -> Callable[[], None]:
    """Return a function that takes one training step."""
    optimizer = torch.optim.Adam([p for p in net.parameters() if p.requires_grad], 1e-4)

    def step() -> None:
        optimizer.zero_grad()
        F.l1_loss(net(*batch[:2]), batch[2]).backward()
        optimizer.step()

    return step


def drawer(space: SearchSpace) -> Callable[[], Tensor]:
    """Return a function that draws the path of a training step."""
    sampler, generator = PathSampler(space), torch.Generator().manual_seed(0)
    predictor = PathPredictor(sampler.sizes.tolist())

    @torch.no_grad()
    def draw() -> Tensor:
        constraint = sampler.random_cost(generator)
        paths = sampler.sample_between(0.95 * constraint, constraint, 20, generator)
        return paths[predictor(paths, sampler.active(paths), torch.ones(len(paths))).argmax()]

    return draw


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--channels', type=int, default=16, help='C (default: %(default)s)')
    parser.add_argument('--batch', type=int, default=2, help='patches (default: %(default)s)')
    parser.add_argument('--shape', nargs=2, type=int, default=(96, 96), metavar=('H', 'W'), help='default: 96 96')
    parser.add_argument('--paths', type=int, default=5, help='random paths (default: %(default)s)')
    parser.add_argument('--repeats', type=int, default=5, help='timed steps of each (default: %(default)s)')
    return parser.parse_args()


if __name__ == '__main__':
    run_tool(main)
