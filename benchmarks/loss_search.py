"""A searched loss beside equal weights and every single term (Hadamard restoration, the loss search).

With every seed: trains the classifier of quality, searches loss and network, trains the found network by the found
loss, by equal weights of all terms, by random ones and by each term alone, all with one budget, and tests them. A row
tells what the loss is worth, on one and the same network; `random-network` has the found loss on a random network of
the found one's size, and tells what the network is worth. Beside them stand the images as they are, and what the
bundled RUAS, which brightens dark images, makes of them. The same command goes on where it was stopped, and divides its
runs among processes that are started with it.

    python benchmarks/loss_search.py --search-options model.net.channels=8 model.net.num_units=3
    DATA=msrs MSRS_ROOT=data/msrs LOL_ROOT=data/lol python benchmarks/loss_search.py
    ... --rows identity ruas searched random-network    # the whole chain, without the other losses
    DATA=bsds ... --held-out test_dataloader.dataset.subset=test    # darkened images of BSDS500's test part as well
    ... --rows searched vgg lpips --search-options model.loss.vgg=FILE model.loss.lpips=FILE "model.loss.terms=[l1,...]"
"""
import argparse
import os
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from runs import draw, figure, shared, test, test_rule, train
from terminaltables import AsciiTable

from mmfusenas.core.files import write_text
from mmfusenas.models.losses.restoration_loss import TERMS
from mmfusenas.nas import Genotype
from mmfusenas.utils.command_line import load_config, run_tool

QUALITY, SEARCH = 'configs/hadamard/quality.py', 'configs/hadamard/search.py'
TRAINED = ('searched', 'random-network', 'equal', 'random')
FILELESS = [term for term in TERMS if term not in ('vgg', 'lpips')]
"""The terms that a search has without files of weights."""
RULES = {'identity': ('', ['model.net=None']),
         'ruas': ('ruas-lowlight', [
             'model._delete_=True', 'model.type=RUASEnhancement', 'model.scene.type=RUASScene',
             'model.scene.genotype=ruas-scene', 'model.scene.update=additive', 'model.scene.exposure=0.25',
             'model.task.type=NoiseRemoval', 'model.task.genotype=ruas-denoise', 'model.denoise=always'])}


def main() -> None:
    args = parse_args()
    lacking = [row for row in args.rows if row in ('vgg', 'lpips') and not any(
        option.startswith(f'model.loss.{row}=') for option in args.search_options)]
    if lacking:
        sys.exit(f'error: {lacking} are not searched without files: --search-options model.loss.{lacking[0]}=FILE ...')
    runs = [(row, seed) for seed in args.seeds for row in args.rows if row not in RULES or seed == args.seeds[0]]
    scores = shared(runs, lambda run: score(*run, args))
    names = list(scores[runs[0]])
    rows = [[row, *(figure([scores[row, seed][name] for seed in args.seeds if (row, seed) in scores])
                     for name in names)] for row in args.rows]
    print('\n' + AsciiTable([['loss', *(name.rpartition('/')[2] for name in names)], *rows],
                            f'{work_dir(args).name}, seeds {args.seeds}').table)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--task', default='lowlight', choices=['lowlight', 'haze', 'underwater'],
                        help='recipe of configs/hadamard, on the data that DATA in the environment names (default: '
                        'lowlight)')
    parser.add_argument('--rows', nargs='+', default=[*RULES, *TRAINED, *FILELESS],
                        choices=[*RULES, *TRAINED, *TERMS], metavar='ROW',
                        help="rules, losses, single terms (default: all but 'vgg' and 'lpips', which need files)")
    parser.add_argument('--seeds', nargs='+', type=int, default=[0, 1, 2], help='default: 0 1 2')
    parser.add_argument('--work-dir', type=Path, default=Path('work_dirs/loss_search'), help='default: %(default)s')
    parser.add_argument('--held-out', nargs='+', default=[], metavar='KEY=VALUE',
                        help='test on the images of the validation as well, changed by these options of '
                        'test_dataloader')
    for name in ('quality', 'search', 'train', 'test'):
        parser.add_argument(f'--{name}-options', nargs='+', default=[], metavar='KEY=VALUE',
                            help='values to override in the config of that step')
    return parser.parse_args()


def work_dir(args: argparse.Namespace) -> Path:
    """Return where the runs of the task go, which the recipe's data have a part in."""
    data = os.environ.get('DATA')
    return args.work_dir / (f'{args.task}-{data}' if data else args.task)


def score(row: str, seed: int, args: argparse.Namespace) -> dict[str, float]:
    """Train the network of a row and a seed by the loss of the row, or take a rule; return its metrics."""
    os.environ['RECIPE'] = f'./{args.task}.py'  # which the configs of classifier and search read
    folder = work_dir(args)
    if row in RULES:
        checkpoint, options = RULES[row]
        config = f'configs/hadamard/{args.task}.py'
        scores = test_rule(config, folder / row, options, args.test_options, checkpoint)
        return scores | (named(test_rule(
            held_out(config, folder / row), folder / row, options, [*args.test_options, *args.held_out], checkpoint,
            'held_out')) if args.held_out else {})
    quality = train(QUALITY, folder / f'quality-{seed}', [f'randomness.seed={seed}', *args.quality_options])
    os.environ['QUALITY'] = str(quality.resolve())
    search = folder / f'search-{seed}'
    train(SEARCH, search, [f'randomness.seed={seed}', *args.search_options])
    genotype = Genotype.load(search / 'genotype.json')
    found, loss = genotype.part('loss'), folder / f'{row}-{seed}.json'
    replace(found, weights=dict(weights=extract_weights(row, seed, found.weights['weights']))).save(loss)
    parts = [f'model.loss.genotype={loss}']
    if row == 'random-network':
        size = genotype.costs['parameters']
        drawn = draw(SEARCH, folder / f'drawn-{seed}', seed, (0.9 * size, 1.1 * size), args.search_options)
        parts.append(f'model.net.genotype={drawn}#net')
    checkpoint = train(str(search / 'retrain.py'), folder / f'{row}-{seed}',
                       [f'randomness.seed={seed}', *parts, *args.train_options])
    scores = test('retrain.py', checkpoint, args.test_options)
    if args.held_out:
        config = held_out(str(checkpoint.parent / 'retrain.py'), checkpoint.parent)
        scores |= named(test(
            Path(config).name, checkpoint, [*args.test_options, *args.held_out], name='held_out'))
    return scores


def held_out(config: str, folder: Path) -> str:
    """Write a config that tests on the images of another's validation; return its file."""
    cfg = load_config(config)
    cfg.test_dataloader, cfg.test_evaluator = cfg.val_dataloader, cfg.val_evaluator
    write_text(folder / 'held_out.py', cfg.pretty_text)
    return str(folder / 'held_out.py')


def named(scores: dict[str, float]) -> dict[str, float]:
    """Return the scores under names of their own, which the table shows."""
    return {f'held out/{name.rpartition("/")[2]}, held out': value for name, value in scores.items()}


def extract_weights(row: str, seed: int, found: dict[str, float]) -> dict[str, float]:
    """Return the weights of the terms that a row trains by; random ones have the sum of equal ones."""
    if row in ('searched', 'random-network'):
        return found
    if row == 'random':
        shares = np.random.default_rng(seed).dirichlet(np.ones(len(found)))
        return dict(zip(found, (len(found) * shares).tolist()))
    if row not in ('equal', *found):
        sys.exit(f'error: no term {row!r} was searched; the search has {list(found)} (--search-options)')
    return {term: float(row in ('equal', term)) for term in found}


if __name__ == '__main__':
    run_tool(main)
