"""Cooperative, independent and global search of RUAS beside the published architecture: tables 4 and 5, fig. 5.

Searches with every config and seed, trains what was found, and tests it on the images with references in the three
versions of the paper: RUAS_s (no noise removal), RUAS (always), RUAS_A (where noise is found). Beside it the published
architecture trained the same way, a random one of the same space, and, where its file is given, the authors' weights.
Prints means and standard deviations over the seeds, with the size of scene module and noise removal and their
multiply-adds at 600 x 400, and the operators of every cell found. The same command goes on where it was stopped.

    LOWLIGHT_ROOT=data/lowlight LOL_ROOT=data/lol python benchmarks/cooperative_search.py [--authors lol.pth]
    FIVEK_ROOT=data/fivek python benchmarks/cooperative_search.py configs/ruas/enhance_fivek.py \
        --work-dir work_dirs/cooperative_fivek
"""
import argparse
import json
import os
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.utils import track_iter_progress
from runs import draw, figure, test, train
from terminaltables import AsciiTable

import mmfusenas.models  # noqa: F401  registers RUASEnhancement
from mmfusenas.registry import MODELS
from mmfusenas.utils.command_line import run_tool
from mmfusenas.utils.complexity import complexity

SEARCHES = {'cooperative': 'enhance_search.py', 'independent': 'enhance_search_independent.py',
            'global': 'enhance_search_global.py'}
"""Configs beside that of the training, which they read from the environment as RECIPE."""
VERSIONS = {'RUAS_s': 'never', 'RUAS': 'always', 'RUAS_A': 'adaptive'}
METRICS, COSTS = ('PSNR', 'SSIM'), {'parameters': 1e3, 'macs': 1e9}


def main() -> None:
    args = parse_args()
    os.environ['RECIPE'] = f'./{args.config.name}'
    runs = [(row, seed) for seed in args.seeds for row in args.rows]
    init_default_scope('mmfusenas')
    found, genotypes = defaultdict(list), defaultdict(list)
    for row, seed in track_iter_progress(runs):
        config, checkpoint = trained(row, seed, args)
        found[row].append(scores(config, checkpoint, args.test_options))
        if checkpoint.parent.name == 'retrain':
            genotypes[row].append(json.loads((checkpoint.parent.parent / 'genotype.json').read_text()))
    if args.authors:
        checkpoint = beside(args.authors, args.config, args.work_dir / f'authors-{args.authors.stem}')
        options = ['model.scene.update=published', *args.test_options]
        found['published weights'].append(scores(str(args.config), checkpoint, options))
    report(found, genotypes, args)


def scores(config: str, checkpoint: Path, options: Sequence[str]) -> dict[str, float]:
    """Return PSNR and SSIM of the three versions of a network, and its costs."""
    metrics = {version: test(config, checkpoint, [f'model.denoise={denoise}', *options])
               for version, denoise in VERSIONS.items()}
    quality = {f'{version} {name}': metrics[version][f'quality/{name}'] for version in VERSIONS for name in METRICS}
    return dict(quality, **costs(checkpoint.parent / Path(config).name))


def costs(config: Path) -> dict[str, float]:
    """Return size and multiply-adds of scene module and noise removal."""
    file = config.with_name('metrics-costs.json')
    if not file.is_file():
        model = dict(Config.fromfile(config).model, estimation=None, denoise='always')
        file.write_text(json.dumps(complexity(MODELS.build(model), (400, 600))))
    return json.loads(file.read_text())


def report(found: dict[str, list[dict]], genotypes: dict[str, list[dict]], args: argparse.Namespace) -> None:
    """Print the table, and the cells."""
    names = [f'{version} {name}' for version in VERSIONS for name in METRICS]
    rows = [[row, *(figure([result[name] for result in results]) for name in names),
             *(figure([result[cost] / unit for result in results]) for cost, unit in COSTS.items())]
            for row, results in found.items()]
    print('\n' + AsciiTable([['', *names, 'k parameters', 'G multiply-adds'], *rows],
                            f'{args.config}, seeds {args.seeds}').table)
    cells = [[row, genotype['source']['seed'], *(cell(genotype, part) for part in ('scene', 'task'))]
             for row, several in genotypes.items() for genotype in several]
    print(AsciiTable([['', 'seed', 'scene module, o1 to o7', 'noise removal, o1 to o7'], *cells]).table)


def cell(genotype: dict, part: str) -> str:
    """Return the operators of a part's cell, in order."""
    return ' '.join(operator for name, operator in genotype['choices'].items() if name.startswith(f'{part}.'))


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', nargs='?', type=Path, default=Path('configs/ruas/enhance_unpaired.py'),
                        help='config of the training; the searches lie beside it (default: %(default)s)')
    parser.add_argument('--rows', nargs='+', default=[*SEARCHES, 'random', 'published'],
                        choices=[*SEARCHES, 'random', 'published'], help='default: all')
    parser.add_argument('--seeds', nargs='+', type=int, default=[0, 1, 2], help='default: 0 1 2')
    parser.add_argument('--authors', type=Path, metavar='CHECKPOINT',
                        help="the authors' weights, converted by tools/model_converters/ruas.py")
    parser.add_argument('--test-options', nargs='+', default=[], metavar='KEY=VALUE',
                        help='values to override in the config when testing, such as other pairs')
    parser.add_argument('--work-dir', type=Path, default=Path('work_dirs/cooperative_search'),
                        help='default: %(default)s')
    return parser.parse_args()


def trained(row: str, seed: int, args: argparse.Namespace) -> tuple[str, Path]:
    """Search or draw, and train; return the config and the checkpoint."""
    folder, options = args.work_dir / f'{row}-{seed}', [f'randomness.seed={seed}']
    if row == 'published':
        return str(args.config), train(str(args.config), folder, options)
    search = str(args.config.with_name(SEARCHES.get(row, SEARCHES['cooperative'])))
    if row == 'random':
        draw(search, folder, seed)
    else:
        train(search, folder, options)
    config = str(folder / 'retrain.py')
    return config, train(config, folder / 'retrain', options)


def beside(checkpoint: Path, trained_by: Path, folder: Path) -> Path:
    """Return a link to a checkpoint in a folder with the config that tests it, as a training leaves them."""
    folder.mkdir(parents=True, exist_ok=True)
    config, link = folder / trained_by.name, folder / checkpoint.name
    config.write_text(f"_base_ = '{trained_by.resolve()}'\n")
    if not link.exists():
        link.symlink_to(checkpoint.resolve())
    return link


if __name__ == '__main__':
    run_tool(main)
