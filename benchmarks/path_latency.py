"""Predicted against measured latency of random paths: DCNAS, fig. 3 (c) (an RMSE of 0.80 ms there).

Measures a cost table of the guided super-resolution supernet on this machine, then the networks derived from random
paths. The prediction is the sum over the table (eq. 11). Wants an idle machine.

    OMP_NUM_THREADS=1 python benchmarks/path_latency.py [--paths 50] [--channels 8] [--shape 128 128]
"""
from mmfusenas.utils.allocator import restart_with_fast_allocator

if __name__ == '__main__':
    restart_with_fast_allocator()  # has to come before torch is imported

import argparse
from functools import partial

import numpy as np
import torch
from mmengine.utils import track_iter_progress
from scipy.stats import kendalltau, pearsonr
from terminaltables import AsciiTable
from timing import seconds

from mmfusenas.models.restorers import GuidedSRNet
from mmfusenas.nas import Genotype, SearchSpace
from mmfusenas.nas.latency import measure_costs
from mmfusenas.nas.sampling import PathSampler
from mmfusenas.utils.command_line import run_tool


def main() -> None:
    args = parse_args()
    inputs = [torch.rand(1, channels, *args.shape) for channels in (1, 3)]
    space = SearchSpace(GuidedSRNet(channels=args.channels).eval())
    table = measure_costs(space, inputs, repeats=args.repeats)
    sampler = PathSampler(space, table, 'latency_ms')
    paths = sampler.sample(args.paths, torch.Generator().manual_seed(0))
    predicted = sampler.cost(paths).numpy()
    networks = (space.derive(Genotype(sampler.choices(path))) for path in paths)
    measured = 1e3 * np.array([seconds(partial(network, *inputs), args.repeats)
                               for network in track_iter_progress((networks, len(paths)))])
    rows = [['RMSE', f'{np.sqrt(np.mean((predicted - measured) ** 2)):.3f} ms'],
            ['measured, mean', f'{measured.mean():.3f} ms'],
            ['measured over predicted', f'{np.mean(measured / predicted):.3f}'],
            ['correlation', f'{pearsonr(predicted, measured).statistic:.4f}'],
            ["Kendall's tau", f'{kendalltau(predicted, measured).statistic:.3f}']]
    title = f'C = {args.channels}, {args.shape[0]} x {args.shape[1]}, {torch.get_num_threads()} threads'
    print('\n' + AsciiTable([[f'{args.paths} random paths', ''], *rows], title).table)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--paths', type=int, default=50, help='default: %(default)s')
    parser.add_argument('--channels', type=int, default=8, help='C (default: %(default)s)')
    parser.add_argument('--shape', nargs=2, type=int, default=(128, 128), metavar=('H', 'W'), help='default: 128 128')
    parser.add_argument('--repeats', type=int, default=15, help='timed runs of each (default: %(default)s)')
    return parser.parse_args()


if __name__ == '__main__':
    run_tool(main)
