"""Ask whether a search space has anything to find: ``probe_space.py configs/tim/fusion_search_demo.py``."""
import argparse
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import NormalDist

import numpy as np
from mmengine.utils import track_iter_progress
from scipy.stats import f as f_distribution
from scipy.stats import spearmanr
from terminaltables import AsciiTable

from mmfusenas.core.errors import UserError
from mmfusenas.nas import Genotype
from mmfusenas.utils.command_line import command, run_tool

TOOLS = Path(__file__).resolve().parents[1]

CHANCE = 0.05
"""Probability with which a space of equal networks is said to have something to find."""

NO_METRICS = ('step', 'epoch', 'iter', 'lr', 'time', 'data_time', 'memory')

EPILOG = """\
How it works: NETWORKS random networks of the space are trained, each with a seed of its own, as the search's retrain.py
would train what it finds; and the first of them with SEEDS - 1 other seeds. Both sets of scores spread. Where networks
spread no more than one of them does over its seeds, a search can find nothing that chance does not give as well: take
a longer training, another loss, a larger validation set, or a space whose candidates differ more. Scores are those of
the last validation.

Cost: NETWORKS + SEEDS - 1 short trainings. Make them as short as the ranking of networks allows, and no shorter. What
was trained is kept: the same command goes on where it was stopped.

examples:
  python tools/analysis_tools/probe_space.py configs/tim/fusion_search_demo.py --train-options train_cfg.max_epochs=4
  # networks of one size: does anything but the number of parameters count?
  python tools/analysis_tools/probe_space.py configs/tim/fusion_search_demo.py --parameters 1.8e4 2.2e4
"""


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Train random networks of the space that a config searches, and one of them over seeds, and say '
                    'whether the networks differ by more than chance: is there anything to find?',
        epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='config of a search, with a validation in its training')
    parser.add_argument('--networks', type=int, default=12, help='random networks (default: %(default)s)')
    parser.add_argument('--seeds', type=int, default=6, help='trainings of the first one (default: %(default)s)')
    parser.add_argument('--metric', help='of the validation, by which networks are compared (default: its first)')
    parser.add_argument('--parameters', nargs=2, metavar=('LOW', 'HIGH'), help='draw networks of so many parameters')
    parser.add_argument('--cfg-options', nargs='+', default=[], metavar='KEY=VALUE',
                        help='values to override in the config of the search')
    parser.add_argument('--train-options', nargs='+', default=[], metavar='KEY=VALUE',
                        help='values to override when training, such as train_cfg.max_epochs=4')
    parser.add_argument('--work-dir', type=Path, metavar='DIR', help='default: work_dirs/CONFIG_probe')
    args = parser.parse_args()
    if args.networks < 3 or args.seeds < 3:
        parser.error('a spread needs at least 3 networks and 3 seeds')
    args.work_dir = args.work_dir or Path('work_dirs') / f'{Path(args.config).stem}_probe'
    return args


def main() -> None:
    """Probe."""
    args = parse_args()
    runs = [(network, network) for network in range(args.networks)]
    runs += [(0, args.networks + seed) for seed in range(args.seeds - 1)]
    scores = {run: score(*run, args) for run in track_iter_progress(runs)}
    metric = chosen_metric(args.metric, scores[0, 0])
    networks = [scores[run][metric] for run in runs[:args.networks]]
    seeds = [scores[run][metric] for run in runs if run[0] == 0]
    sizes = [Genotype.load(args.work_dir / f'network-{run[0]}/genotype.json').costs['parameters']
             for run in runs[:args.networks]]
    rows = [[f'{len(values)} {what}', f'{np.mean(values):.4g}', f'{np.std(values, ddof=1):.2g}',
             f'{min(values):.4g} to {max(values):.4g}']
            for what, values in (('random networks', networks), ('seeds of one', seeds))]
    print('\n' + AsciiTable([['', 'mean', 'standard deviation', 'range'], *rows], metric).table)
    print(conclusion(networks, seeds) + about_size(networks, sizes))
    print(f'\ndone; next:\n  {command("python", "tools/train.py", args.config)}')


def score(network: int, seed: int, args: argparse.Namespace) -> dict[str, float]:
    """Train a random network with a seed, where that is not done; return the scores of its last validation."""
    drawn = args.work_dir / f'network-{network}'
    folder, options = drawn / f'seed-{seed}', [f'randomness.seed={seed}', *args.train_options]
    request = dict(config=args.config, cfg_options=args.cfg_options, parameters=args.parameters, options=options)
    done = folder / 'scores.json'
    if done.is_file():
        found = json.loads(done.read_text())
        if found['request'] != request:
            raise UserError(f'{folder} is of another run, {found["request"]}; asked for is {request}. Give another '
                            '--work-dir.')
        return found['scores']
    if not (drawn / 'genotype.json').is_file():
        size = ['--parameters', *args.parameters] if args.parameters else []
        changed = ['--cfg-options', *args.cfg_options] if args.cfg_options else []
        tool('analysis_tools/sample_genotype', args.config, '--seed', network, *size, '--work-dir', drawn, *changed)
    tool('train', drawn / 'retrain.py', '--resume', '--work-dir', folder, '--cfg-options', *options)
    scores = last_scores(folder)
    done.write_text(json.dumps(dict(request=request, scores=scores)))
    return scores


def tool(name: str, *arguments: object) -> None:
    """Run a tool; where it fails, end with the last lines of what it said."""
    done = subprocess.run([sys.executable, str(TOOLS / f'{name}.py'), *map(str, arguments)], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        said = '\n'.join(done.stdout.splitlines()[-15:])
        raise UserError(f'{name}.py {" ".join(map(str, arguments))} failed:\n{said}')


def last_scores(folder: Path) -> dict[str, float]:
    """Return what the last validation of a training in ``folder`` gave.

    Raises:
        UserError: There was none.
    """
    lines = [json.loads(line) for file in sorted(folder.glob('*/vis_data/scalars.json'))
             for line in file.read_text().splitlines()]
    scores = [{name: value for name, value in line.items() if name not in NO_METRICS}
              for line in lines if not any('loss' in name for name in line)]
    if not any(scores):
        raise UserError(f'The training in {folder} logged no validation: give val_dataloader, val_cfg and '
                        'val_evaluator, a val_interval that the epochs reach, and LocalVisBackend.')
    return [found for found in scores if found][-1]


def chosen_metric(asked: str | None, scores: Mapping[str, float]) -> str:
    """Return the metric that is asked for, or the first.

    Raises:
        UserError: The validation gives no such metric.
    """
    if asked and asked not in scores:
        raise UserError(f'The validation gives no metric {asked!r}; it gives {", ".join(scores)}.')
    return asked or next(iter(scores))


def conclusion(networks: Sequence[float], seeds: Sequence[float]) -> str:
    """Return in words whether networks spread by more than one does over its seeds: an F-test of the variances."""
    between, within = np.var(networks, ddof=1), np.var(seeds, ddof=1)
    chance = f_distribution.sf(between / within, len(networks) - 1, len(seeds) - 1) if within else float(not between)
    spreads = f'{between ** 0.5:.2g} between networks, {within ** 0.5:.2g} between seeds of one'
    if chance < CHANCE:
        own = (between - within) ** 0.5
        return (f'There is something to find: standard deviations are {spreads} (F-test: p = {chance:.2g}). Apart from '
                f'the seed, networks spread by {own:.2g}; the best of {len(networks)} can be expected about '
                f'{own * expected_best(len(networks)):.2g} from the mean.')
    return (f'Nothing to find is seen: standard deviations are {spreads} (F-test: p = {chance:.2g}). A search here '
            'gives what a random choice gives, unless a longer training, another loss, a larger validation set or '
            'candidates that differ more make the networks unlike.')


def expected_best(count: int) -> float:
    """Return the mean of the largest of ``count`` standard normal numbers (Blom's approximation)."""
    return NormalDist().inv_cdf((count - 0.375) / (count + 0.25))


def about_size(networks: Sequence[float], sizes: Sequence[float]) -> str:
    """Return in words how the scores follow the number of parameters, '' where all are of one size."""
    if len(set(sizes)) < 2 or len(set(networks)) < 2:
        return ''
    return (f' Rank correlation of the score with the number of parameters: {spearmanr(networks, sizes)[0]:.2f}; with '
            '--parameters only networks of one size are drawn.')


if __name__ == '__main__':
    run_tool(main)
