"""The whole chain of DCNAS beside what needs no search: supernet, predictor, evolution below limits, training, test.

With every seed a supernet is trained, and below every limit its best path is searched, trained and tested; beside it
stand a random path of the same size (within 3 %) trained the same way, bicubic interpolation and a guided filter.
Figures are means over the seeds, with the standard deviation. The same command goes on where it was stopped. The recipe
is a config that trains one network; supernet.py and search.py lie beside it. SCALE, NOISE and PATCH are set in the
environment.

    RGBDD_ROOT=data/rgbdd MIDDLEBURY_ROOT=data/middlebury python benchmarks/guided_chain.py --limits 6e5 5e5
    SCALE=4 ...
    SCALE=4 MSRS_ROOT=data/msrs ROADSCENE_ROOT=data/roadscene python benchmarks/guided_chain.py configs/dcnas/thermal.py
"""
import argparse
import json
import os
from collections import defaultdict
from pathlib import Path

from mmengine.utils import track_iter_progress
from runs import FORMS, draw, figure, test, test_rule, train
from terminaltables import AsciiTable

from mmfusenas.utils.command_line import run_tool

RULES = {'bicubic': ['model.net=None'],
         'guided filter': ['model.net._delete_=True', 'model.net.type=GuidedFilterSR', 'model.net.radius=1',
                           'model.net.eps=1e-4']}
"""The smallest window: after bicubic upsampling larger ones lose more than they gain."""
LIKE = 0.03  # share of the parameters by which a random path may be smaller or, below the limit, larger


def main() -> None:
    args = parse_args()
    os.environ['RECIPE'] = f'./{args.recipe.name}'  # which supernet.py and search.py read
    folder = args.work_dir / '_'.join([args.recipe.stem, *(
        f'{name.lower()}{os.environ[name]}' for name in FORMS if name in os.environ and name != 'RECIPE')])
    found, sizes = defaultdict(list), defaultdict(list)
    for rule, options in RULES.items():
        place = folder / rule.replace(' ', '-')
        found[rule].append(test_rule(str(args.recipe), place, options, args.test_options))
    runs = [(seed, limit) for seed in args.seeds for limit in args.limits]
    for seed, limit in track_iter_progress(runs):
        for row, network in chain(seed, limit, folder, args).items():
            found[row].append(test('retrain.py', network, args.test_options))
            sizes[row].append(json.loads((network.parent.parent / 'genotype.json').read_text())['costs']['parameters'])
    names = list(found['bicubic'][0])
    rows = [[row, figure([size / 1e6 for size in sizes[row]]),
             *(figure([scores[name] for scores in several]) for name in names)] for row, several in found.items()]
    print('\n' + AsciiTable([['', 'M parameters', *(name.rpartition('/')[2] for name in names)], *rows],
                            f'{folder.name}, seeds {args.seeds}').table)


def chain(seed: int, limit: float, folder: Path, args: argparse.Namespace) -> dict[str, Path]:
    """Train the best path below a limit, and a random one of its size; return the checkpoints by row."""
    config, search = (str(args.recipe.with_name(name)) for name in ('supernet.py', 'search.py'))
    of_seed = f'randomness.seed={seed}'
    supernet = train(config, folder / f'supernet-{seed}', [of_seed, *args.supernet_options])
    guided, drawn = (folder / f'{kind}-{limit:g}-{seed}' for kind in ('search', 'random'))
    train(search, guided, [f'load_from={supernet}', f'train_cfg.limit={limit}', of_seed, *args.search_options])
    size = json.loads((guided / 'genotype.json').read_text())['costs']['parameters']
    draw(search, drawn, seed, ((1 - LIKE) * size, min((1 + LIKE) * size, limit)), args.search_options)
    options = [of_seed, *args.train_options]
    return {f'{row} below {limit / 1e6:g} M': train(str(place / 'retrain.py'), place / 'retrain', options)
            for row, place in (('found', guided), ('random', drawn))}


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('recipe', nargs='?', type=Path, default=Path('configs/dcnas/depth_demo.py'),
                        help='config that trains what is found (default: %(default)s)')
    parser.add_argument('--limits', nargs='+', type=float, default=[6e5, 5e5],
                        help='parameters (default: 6e5 5e5; the demos hardly train smaller paths)')
    parser.add_argument('--seeds', nargs='+', type=int, default=[0, 1, 2], help='default: 0 1 2')
    for name in ('supernet', 'search', 'train', 'test'):
        parser.add_argument(f'--{name}-options', nargs='+', default=[], metavar='KEY=VALUE',
                            help='values to override in the config of that step')
    parser.add_argument('--work-dir', type=Path, default=Path('work_dirs/guided_chain'), help='default: %(default)s')
    return parser.parse_args()


if __name__ == '__main__':
    run_tool(main)
