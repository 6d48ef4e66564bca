"""List the pairs of RGB-D-D as published, and lay them out as depth that is made poor by software needs them.

    ROOT/{models,plants,portraits}/{models,...}_{train,test}/ID/ID_{RGB.jpg,LR_fill_depth.png,HR_gt.png}

Writes ROOT/{train,test}_{rgb,low,high}.txt, one path a line, which belong together line by line: low and high
resolution as two sensors gave it (`depth_real.py`). And ROOT/{train,test}/{rgb,depth}/ID.{jpg,png}, colour and high
resolution, as links to the files (`depth.py`).
"""
from __future__ import annotations

import argparse
from pathlib import Path

from mmfusenas.core.errors import UserError
from mmfusenas.core.files import write_text
from mmfusenas.utils.command_line import run_tool

KINDS = ('models', 'plants', 'portraits')
SUFFIXES = dict(rgb='RGB.jpg', low='LR_fill_depth.png', high='HR_gt.png')


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog='Example: python tools/dataset_converters/rgbdd.py data/rgbdd')
    parser.add_argument('root', type=Path, metavar='ROOT', help='folder of the set')
    return parser.parse_args(argv)


def samples(root: Path, part: str) -> dict[str, list[str]]:
    """Return the paths of a part by kind of image, below the root.

    Raises:
        UserError: If there is none, or a sample lacks an image; the message names the first.
    """
    folders = sorted(folder for kind in KINDS for folder in (root / kind / f'{kind}_{part}').glob('*')
                     if folder.is_dir())
    if not folders:
        raise UserError(f'{root} has no folder {KINDS[0]}/{KINDS[0]}_{part}/ID; is it the root of RGB-D-D?')
    found = {name: [folder / f'{folder.name}_{suffix}' for folder in folders] for name, suffix in SUFFIXES.items()}
    missing = [path for paths in found.values() for path in paths if not path.is_file()]
    if missing:
        raise UserError(f'{len(missing)} images are missing, such as {missing[0]}.')
    return {name: [path.relative_to(root).as_posix() for path in paths] for name, paths in found.items()}


def link(root: Path, part: str, found: dict[str, list[str]]) -> None:
    """Lay out colour and high resolution of a part in two folders."""
    for name, kind in (('rgb', 'rgb'), ('depth', 'high')):
        folder = root / part / name
        folder.mkdir(parents=True, exist_ok=True)
        for path in map(Path, found[kind]):
            place = folder / f'{path.parent.name}{path.suffix}'
            if not place.is_symlink():
                place.symlink_to(Path('../..') / path)


def main(argv: list[str] | None = None) -> None:
    """List and link."""
    args = parse_args(argv)
    parts = {part: samples(args.root, part) for part in ('train', 'test')}
    for part, found in parts.items():
        for name, paths in found.items():
            write_text(args.root / f'{part}_{name}.txt', '\n'.join(paths) + '\n')
        link(args.root, part, found)
        print(f'{part}: {len(found["rgb"])} samples')
    print(f'Train: RGBDD_ROOT={args.root} python tools/train.py configs/dcnas/depth_real.py')


if __name__ == '__main__':
    run_tool(main)
