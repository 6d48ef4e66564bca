"""RUAS with naively determined architectures beside the published one: table 3.

Scene module and noise removal of one operator each, and the whole supernet with equal weights, trained as the published
architectures are (the journal's, and that of CVPR 2021, which the table has), from dark images alone, and scored with
noise removal on every image (RUAS) on pairs with references. Sizes and multiply-adds are those of scene module and
noise removal, at 600 x 400; so is the time, one image in evaluation mode. The same command goes on where it was
stopped.

    LOWLIGHT_ROOT=data/lowlight LOL_ROOT=data/lol python benchmarks/ruas_networks.py
    FIVEK_ROOT=data/fivek python benchmarks/ruas_networks.py configs/ruas/enhance_fivek.py --work-dir work_dirs/networks
"""
from mmfusenas.utils.allocator import restart_with_fast_allocator

if __name__ == '__main__':
    restart_with_fast_allocator()  # has to come before torch is imported

import argparse
import json
from functools import partial
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.utils import track_iter_progress
from runs import last_scores, test, train
from terminaltables import AsciiTable
from timing import seconds

import mmfusenas.models  # noqa: F401  registers RUASEnhancement
from mmfusenas.models.cells.distillation_cell import OPERATORS_RUAS
from mmfusenas.nas import SearchSpace
from mmfusenas.registry import MODELS
from mmfusenas.utils.command_line import run_tool
from mmfusenas.utils.complexity import complexity

ROWS = ('supernet', *(name for name in OPERATORS_RUAS if name != 'skip'), 'published', 'published-cvpr')
PUBLISHED = {'published': [], 'published-cvpr': ['model.task.genotype=ruas-denoise-cvpr']}
PLACES = ('model.scene.genotype', 'model.task.genotype')
SUPERNET = [*(f'{place}=None' for place in PLACES), 'model.denoise=always',
            'default_hooks.search.type=BilevelSearchHook', 'default_hooks.search.begin=1000000000']
"""All candidates of every choice with equal weights: the search that relaxes them never begins."""


def main() -> None:
    args = parse_args()
    init_default_scope('mmfusenas')
    results = {row: measure(row, args) for row in track_iter_progress(list(args.rows))}
    rows = [[row, f'{found["PSNR"]:.3f}', f'{found["SSIM"]:.4f}', f'{found["parameters"]:,}',
             f'{found["macs"] / 1e9:.3f}', f'{found["seconds"]:.3f}'] for row, found in results.items()]
    print('\n' + AsciiTable([['', 'PSNR', 'SSIM', 'parameters', 'multiply-adds (G)', 'seconds'], *rows],
                            f'{args.config}, seed {args.seed}, {torch.get_num_threads()} threads').table)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', nargs='?', default='configs/ruas/enhance_unpaired.py',
                        help='config that trains the published architectures (default: %(default)s)')
    parser.add_argument('--rows', nargs='+', default=ROWS, choices=ROWS, help='default: all')
    parser.add_argument('--seed', type=int, default=0, help='default: %(default)s')
    parser.add_argument('--train-options', nargs='+', default=[], metavar='KEY=VALUE',
                        help='values to override in the config when training')
    parser.add_argument('--test-options', nargs='+', default=[], metavar='KEY=VALUE',
                        help='values to override in the config when testing, such as other pairs')
    parser.add_argument('--repeats', type=int, default=5, help='timed runs of an image (default: %(default)s)')
    parser.add_argument('--work-dir', type=Path, default=Path('work_dirs/ruas_networks'), help='default: %(default)s')
    return parser.parse_args()


def measure(row: str, args: argparse.Namespace) -> dict[str, float]:
    """Train and score a row; return its figures."""
    folder = args.work_dir / f'{row}-{args.seed}'
    options = [f'randomness.seed={args.seed}', *args.train_options]
    if row == 'supernet':  # its score is that of its only validation, the last
        once = f'train_cfg.val_interval={Config.fromfile(args.config).train_cfg.max_epochs}'
        train(args.config, folder, [
            *SUPERNET, once, *options, *(option.replace('test_', 'val_', 1) for option in args.test_options)])
        scores = last_scores(folder)
    else:
        genotypes = PUBLISHED[row] if row in PUBLISHED else [
            f'{place}={single_operator(row, args.work_dir)}' for place in PLACES]
        checkpoint = train(args.config, folder, [*options, *genotypes])
        scores = test(args.config, checkpoint, ['model.denoise=always', *args.test_options])
    trained = Config.fromfile(folder / Path(args.config).name)  # with the options
    model = MODELS.build(dict(trained.model, estimation=None, denoise='always')).eval()
    SearchSpace(model).relax()
    dark = dict(visible=torch.rand(1, 3, 400, 600))
    return dict({name.rpartition('/')[2]: value for name, value in scores.items()},
                seconds=seconds(partial(model, dark), args.repeats), **complexity(model, (400, 600)))


def single_operator(operator: str, folder: Path) -> str:
    """Write the genotype of a cell whose seven operators are the same; return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f'{operator}.json'
    path.write_text(json.dumps(dict(choices={f'cell.ops.{i}': operator for i in range(7)})))
    return str(path)


if __name__ == '__main__':
    run_tool(main)
