"""Whether a search pays: networks that it finds beside random ones of the same size, and a verdict.

Searches with several seeds; draws random networks of the same space, each of the size of one that was found, within a
tenth; trains every network by the `retrain.py` that the search leaves, each with the same seeds, and tests it on the
same images. A network's score is the mean over its seeds, so that what a seed does to all networks drops out of the
difference; the standard errors are over networks. Where the loss is searched too, random networks have equal weights of
its terms. A search pays where what it finds is better than random choice by at least two standard errors of the
difference. With three searches and ten random networks, noise alone says so in one case of 18.

    ROADSCENE_ROOT=data/roadscene HARVARD_ROOT=data/harvard python benchmarks/search_pays.py --system fusion
    python benchmarks/search_pays.py --system neck --random 20
    RECIPE=./enhance_unpaired.py LOWLIGHT_ROOT=data/lowlight LOL_ROOT=data/lol python benchmarks/search_pays.py \
        --system ruas --search-options train_cfg.max_epochs=5 --train-options train_cfg.max_epochs=5
    python benchmarks/search_pays.py my_search.py --metric coco/bbox_mAP_50      # a search of one's own

What is done is not done again. Started several times with the same arguments and work dir, on one machine or on several
with a common file system (by hand, by torchrun, as a job array of Slurm), it divides the networks among its processes;
each ends when all are done, with the same table.
"""
import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from runs import draw, shared, test, train
from terminaltables import AsciiTable

from mmfusenas.core.errors import UserError
from mmfusenas.nas import Genotype
from mmfusenas.utils.command_line import run_tool

SLACK = 0.1
"""Share by which a random network's size may differ from the found one's."""
ENOUGH = 2.0
"""Standard errors of the difference from which on a search is said to pay."""


class System(NamedTuple):
    """A search, and how what it finds is judged.

    Attributes:
        search: Config of the search.
        metric: Of the test, by which networks are compared.
        sign: 1 where higher is better, -1 where lower is.
        first: Config of what is trained before the search, with the search's seed, and the option of the search that
            takes its checkpoint.
    """

    search: str
    metric: str
    sign: int = 1
    first: tuple[str, str] | None = None


SYSTEMS = {
    'fusion': System('configs/tim/fusion_search_demo.py', 'fusion/VIF'),
    'neck': System('configs/tim/search_demo.py', 'coco/bbox_mAP_50'),
    'ruas': System('configs/ruas/enhance_search.py', 'quality/PSNR'),
    'dcnas': System('configs/dcnas/search.py', 'sr/RMSE', -1, ('configs/dcnas/supernet.py', 'load_from')),
    'loss': System('configs/hadamard/search.py', 'quality/PSNR', 1, (
        'configs/hadamard/quality.py', 'default_hooks.search.phases.loss.losses.0.checkpoint')),
}
"""One search of every system."""


class Network(NamedTuple):
    """One of the networks: found by the search of seed ``number``, or drawn by it."""

    kind: str
    number: int


def main() -> None:
    args = parse_args()
    networks = [Network(kind, number) for kind, count in (('found', args.searches), ('random', args.random))
                for number in range(count)]
    scores = shared(networks, lambda network: score(network, args))
    found, drawn = ([scores[network] for network in networks if network.kind == kind] for kind in ('found', 'random'))
    head = ['', f'{len(found)} found', f'{len(drawn)} random', 'difference', 'in standard errors']
    print('\n' + AsciiTable([head, *(row(name, [[run[name] for run in runs] for runs in (found, drawn)])
                                     for name in common([*found, *drawn]))],
                            f'{args.system.search}, {args.seeds} trainings a network').table)
    print(verdict([run[args.system.metric] for run in found], [run[args.system.metric] for run in drawn],
                  args.system))


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument('config', nargs='?', help="config of a search of one's own, with --metric")
    which.add_argument('--system', choices=list(SYSTEMS), help='or the search of a system')
    parser.add_argument('--metric', help="of the test, by which networks are compared (default: the system's)")
    parser.add_argument('--lower-is-better', action='store_true', help='of that metric')
    parser.add_argument('--searches', type=int, default=3, help='searches, with seeds from 0 (default: %(default)s)')
    parser.add_argument('--random', type=int, default=10, help='random networks (default: %(default)s)')
    parser.add_argument('--seeds', type=int, default=3, help='trainings of every network (default: %(default)s)')
    parser.add_argument('--work-dir', type=Path, help='default: work_dirs/search_pays/SYSTEM')
    for name, what in (('first', 'what a search starts from: supernet, classifier'), ('search', 'the search'),
                       ('train', 'the training of a network'), ('test', 'its test')):
        parser.add_argument(f'--{name}-options', nargs='+', default=[], metavar='KEY=VALUE',
                            help=f'values to override in the config of {what}')
    args = parser.parse_args()
    if min(args.searches, args.random) < 2 or args.seeds < 1:
        parser.error('a standard error needs at least two searches and two random networks, and each a seed')
    if args.lower_is_better and not args.metric:
        parser.error('--lower-is-better is said of a --metric')
    if args.config and not args.metric:
        parser.error('a config needs --metric: a name that its test prints')
    args.work_dir = args.work_dir or Path('work_dirs/search_pays') / (args.system or Path(args.config).stem)
    args.system = SYSTEMS[args.system] if args.system else System(args.config, args.metric)
    if args.metric:
        args.system = args.system._replace(metric=args.metric, sign=-1 if args.lower_is_better else 1)
    return args


def folder_of(kind: str, number: int, args: argparse.Namespace) -> Path:
    return args.work_dir / f'{kind}-{number}'


def score(network: Network, args: argparse.Namespace) -> dict[str, float]:
    """Search or draw, train with every seed, test; return the means of the metrics, and the parameters in thousands."""
    folder = folder_of(*network, args)
    if network.kind == 'found':
        search(network.number, args)
    else:
        size = Genotype.load(search(network.number % args.searches, args)).costs['parameters']
        draw(args.system.search, folder, network.number, ((1 - SLACK) * size, (1 + SLACK) * size),
             args.search_options)
    metrics = []
    for seed in range(args.seeds):
        checkpoint = train(str(folder / 'retrain.py'), folder / f'seed-{seed}',
                           [f'randomness.seed={seed}', *args.train_options])
        metrics.append(test('retrain.py', checkpoint, args.test_options))
    for seed, run in enumerate(metrics):
        if args.system.metric not in run:
            raise UserError(f'The test of {folder / f"seed-{seed}"} gives no {args.system.metric!r}; it gives '
                            f'{", ".join(run)}. Name one by --metric that every test gives.')
    parameters = Genotype.load(folder / 'genotype.json').costs['parameters'] / 1000
    return dict({name: float(np.mean([run[name] for run in metrics])) for name in common(metrics)},
                **{'parameters (k)': parameters})


def common(runs: Sequence[dict[str, float]]) -> list[str]:
    """Return the names that all runs have: a metric may leave out what it cannot say."""
    return [name for name in runs[0] if all(name in run for run in runs)]


def search(seed: int, args: argparse.Namespace) -> Path:
    """Search with a seed, after the training that the search starts from where there is one; return what was found."""
    folder, options = folder_of('found', seed, args), [f'randomness.seed={seed}', *args.search_options]
    if args.system.first:
        config, option = args.system.first
        checkpoint = train(config, folder / 'first', [f'randomness.seed={seed}', *args.first_options])
        options.append(f'{option}={checkpoint}')
    train(args.system.search, folder, options)
    return folder / 'genotype.json'


def row(name: str, groups: Sequence[Sequence[float]]) -> list[str]:
    """Return a metric's mean of each group of networks and their difference, with standard errors."""
    difference, error = compared(*groups)
    ratio = [f'{difference / error:.1f}'] if error else ['']
    return [name, *(f'{np.mean(group):.4g} +- {standard_error(group):.2g}' for group in groups),
            f'{difference:+.4g} +- {error:.2g}', *ratio]


def compared(found: Sequence[float], drawn: Sequence[float]) -> tuple[float, float]:
    """Return the difference of the means, and its standard error by the spread of each group (Welch)."""
    return float(np.mean(found) - np.mean(drawn)), float(np.hypot(standard_error(found), standard_error(drawn)))


def standard_error(values: Sequence[float]) -> float:
    return float(np.std(values, ddof=1) / len(values) ** 0.5)


def verdict(found: Sequence[float], drawn: Sequence[float], system: System) -> str:
    """Return in words whether the search pays."""
    difference, error = compared(found, drawn)
    gain = system.sign * difference
    beaten = sum(system.sign * (np.mean(found) - value) > 0 for value in drawn)
    figures = (f'{system.metric} of what was found is {abs(difference):.2g} +- {error:.2g} '
               f'{"better" if gain > 0 else "worse"} than that of random networks of its size, and in the mean better '
               f'than {beaten} of {len(drawn)} of them')
    if gain >= ENOUGH * error and gain > 0:
        return f'The search pays: {figures}.'
    if gain <= -ENOUGH * error and gain < 0:
        return f'The search harms: {figures}.'
    return (f'No gain is shown: {figures}. tools/analysis_tools/probe_space.py says whether the space has anything to '
            'find.')


if __name__ == '__main__':
    run_tool(main)
