"""Cooperative, independent and global search of RUAS beside the published architecture: tables 4 and 5.

Searches with every config and seed, trains what was found, and tests it on the pictures with references in the three
versions of the paper: RUAS_s (no noise removal), RUAS (always), RUAS_A (where noise is found). Beside it the published
architecture trained the same way, a random one of the same space, and, where its file is given, the authors' weights.
Prints means and standard deviations over the seeds. The same command goes on where it was stopped.

    LOWLIGHT_ROOT=data/lowlight LOL_ROOT=data/lol python benchmarks/cooperative_search.py [--authors ruas-lol.pth]
"""
import argparse
from collections import defaultdict
from pathlib import Path

from mmengine.utils import track_iter_progress
from runs import draw, figure, test, train
from terminaltables import AsciiTable

SEARCHES = {'cooperative': 'configs/ruas/enhance_search_unpaired.py',
            'independent': 'configs/ruas/enhance_search_independent_unpaired.py',
            'global': 'configs/ruas/enhance_search_global_unpaired.py'}
PUBLISHED = 'configs/ruas/enhance_unpaired.py'
VERSIONS = {'RUAS_s': 'never', 'RUAS': 'always', 'RUAS_A': 'adaptive'}


def main() -> None:
    args = parse_args()
    runs = [(row, seed) for seed in args.seeds for row in args.rows]
    found = defaultdict(list)
    for row, seed in track_iter_progress(runs):
        config, checkpoint = trained(row, seed, args)
        found[row].append({version: test(config, checkpoint, [f'model.denoise={denoise}'])
                           for version, denoise in VERSIONS.items()})
    if args.authors:
        config, checkpoint = PUBLISHED, beside(args.authors, args.work_dir / 'authors')
        found['published weights'].append({version: test(config, checkpoint, [f'model.denoise={denoise}'])
                                           for version, denoise in VERSIONS.items()})
    head = ['', *(f'{version} {name}' for version in VERSIONS for name in ('PSNR', 'SSIM'))]
    rows = [[row, *(figure([scores[version][f'quality/{name}'] for scores in results])
                    for version in VERSIONS for name in ('PSNR', 'SSIM'))] for row, results in found.items()]
    print('\n' + AsciiTable([head, *rows], f'{PUBLISHED}, seeds {args.seeds}').table)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--rows', nargs='+', default=[*SEARCHES, 'random', 'published'],
                        choices=[*SEARCHES, 'random', 'published'], help='default: all')
    parser.add_argument('--seeds', nargs='+', type=int, default=[0, 1, 2], help='default: 0 1 2')
    parser.add_argument('--authors', type=Path, metavar='CHECKPOINT',
                        help="the authors' weights, converted by tools/model_converters/ruas.py")
    parser.add_argument('--work-dir', type=Path, default=Path('work_dirs/cooperative_search'),
                        help='default: %(default)s')
    return parser.parse_args()


def trained(row: str, seed: int, args: argparse.Namespace) -> tuple[str, Path]:
    """Search or draw, and train; return the config and the checkpoint."""
    folder, options = args.work_dir / f'{row}-{seed}', [f'randomness.seed={seed}']
    if row == 'published':
        return PUBLISHED, train(PUBLISHED, folder, options)
    if row == 'random':
        draw(SEARCHES['cooperative'], folder, seed)
    else:
        train(SEARCHES[row], folder, options)
    config = str(folder / 'retrain.py')
    return config, train(config, folder / 'retrain', options)


def beside(checkpoint: Path, folder: Path) -> Path:
    """Return a link to a checkpoint in a folder with the config that tests it, as a training leaves them."""
    folder.mkdir(parents=True, exist_ok=True)
    config, link = folder / Path(PUBLISHED).name, folder / checkpoint.name
    config.write_text(f"_base_ = '{Path(PUBLISHED).resolve()}'\n")
    if not link.exists():
        link.symlink_to(checkpoint.resolve())
    return link


if __name__ == '__main__':
    main()
