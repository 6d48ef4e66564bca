"""How many random paths of the guided super-resolution supernet one core draws, prices and checks in a second.

And, with ``--figure``, how their sizes are distributed (DCNAS, fig. 3 (b)).

    OMP_NUM_THREADS=1 python benchmarks/sampling.py [--figure sizes.png]
"""
import argparse
from time import perf_counter

import torch
from matplotlib.figure import Figure
from terminaltables import AsciiTable

from mmfusenas.models.restorers import GuidedSRNet
from mmfusenas.nas import Genotype, SearchSpace
from mmfusenas.nas.cost_table import parameter_table
from mmfusenas.nas.sampling import PathSampler
from mmfusenas.utils.command_line import run_tool


def main() -> None:
    args = parse_args()
    torch.set_num_threads(1)
    space = SearchSpace(GuidedSRNet(channels=args.channels))
    table = parameter_table(space)
    sampler, generator = PathSampler(space, table), torch.Generator().manual_seed(0)
    target = sampler.random_cost(generator)
    start = perf_counter()
    costs = torch.cat([sampler.cost(sampler.sample(4096, generator)) for _ in range(args.paths // 4096)])
    accepted = ((costs <= target) & (costs >= 0.95 * target)).sum()
    batches = perf_counter() - start
    start = perf_counter()
    for _ in range(args.paths // 400):
        table.predict(Genotype(space.sample(generator)))
    singly = perf_counter() - start
    rows = [['', 'paths a second'], ['as tensors, by PathSampler', f'{len(costs) / batches:,.0f}'],
            ['one by one, by CostTable.predict', f'{args.paths // 400 / singly:,.0f}'],
            ['ratio', f'{len(costs) / batches / (args.paths // 400 / singly):,.0f}']]
    print(AsciiTable(rows, f'{len(space)} choices, {accepted} of {len(costs)} within 5 % of {target:,.0f}').table)
    if args.figure:
        histogram(costs).savefig(args.figure, dpi=120)
        print(f'figure: {args.figure}')


def histogram(costs: torch.Tensor) -> Figure:
    """Draw the density of the costs of random paths, and where the paper's limits are."""
    drawing = Figure(figsize=(6, 4), layout='constrained')
    axes = drawing.subplots()
    axes.hist(costs.numpy() / 1e6, bins=100, density=True)
    for limit in (0.6, 2.0):
        axes.axvline(limit, color='grey', linestyle='--')
    axes.set(xlabel='parameters of a random path (M)', ylabel='density')
    return drawing


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--paths', type=int, default=409600, help='default: %(default)s')
    parser.add_argument('--figure', metavar='FILE', help='image of the distribution of the number of parameters')
    parser.add_argument('--channels', type=int, default=16, help='C (default: %(default)s)')
    return parser.parse_args()


if __name__ == '__main__':
    run_tool(main)
