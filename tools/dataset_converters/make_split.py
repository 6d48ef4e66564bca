"""Write split files (one stem a line) that keep the frames of one video on one side.

Stems that differ only in their last number, by at most --gap, are taken for frames of one video. Whole videos are split
to the parts, the longest first. Where a set is one long video, --block cuts it into blocks of so many frames and
--guard leaves frames out at every cut, so that neighbours do not lie on both sides. A split that is further from the
ratios than --tolerance, as a few long videos make it, is not written.
"""
from __future__ import annotations

import argparse
import math
from pathlib import Path

from terminaltables import AsciiTable

from mmfusenas.core.errors import UserError
from mmfusenas.core.files import write_text
from mmfusenas.datasets.pairing import get_stem, list_images
from mmfusenas.datasets.sequences import cut_blocks, find_sequences, split_sequences
from mmfusenas.utils.command_line import RenamedOption, command, run_tool


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog='Example: python tools/dataset_converters/make_split.py data/m3fd/Vis --out data/m3fd/splits '
        '--ratios train=0.8 test=0.2 --block 100 --guard 10')
    parser.add_argument('images', help='folder of the images, of pairs the visible ones')
    parser.add_argument('--out', required=True, help='folder of the split files, usually ROOT/splits')
    parser.add_argument('--ratios', '--shares', action=RenamedOption, nargs='+', default=['train=0.8', 'test=0.2'],
                        metavar='PART=RATIO',
                        help='parts and their ratios of the frames (default: train=0.8 test=0.2)')
    parser.add_argument('--nested', action='store_true', help='the images are in folders of the folder')
    parser.add_argument('--gap', type=int, default=10, help='largest step of frame numbers in a video (default: 10); '
                        '0: there are no videos, every image is split by itself')
    parser.add_argument('--block', type=int, help='cut videos that are longer into blocks of so many frames')
    parser.add_argument('--guard', type=int, default=0, help='frames left out at every such cut (default: 0)')
    parser.add_argument('--tolerance', type=float, default=0.05,
                        help='largest difference of a part from its ratio of the frames (default: 0.05)')
    parser.add_argument('--seed', type=int, default=0, help='order of videos of one length (default: 0)')
    return parser.parse_args(argv)


def parse_ratios(words: list[str]) -> dict[str, float]:
    """Read ``PART=SHARE`` words."""
    ratios = {}
    for word in words:
        name, _, ratio = word.partition('=')
        if name in ratios:
            raise UserError(f'--ratios names the part {name!r} twice.')
        if Path(name).name != name and name:
            raise UserError(f'--ratios got {word!r}: {name!r} is no name of a file; folders are given by --out.')
        try:
            ratios[name] = float(ratio)
        except ValueError:
            raise UserError(f'--ratios needs words like train=0.8, got {word!r}.') from None
        if not name or not 0 < ratios[name] < math.inf:
            raise UserError(f'--ratios needs words like train=0.8 with a ratio above 0, got {word!r}.')
    return ratios


def check_ratios(asked: dict[str, float], reached: dict[str, float], tolerance: float) -> None:
    """Refuse a split that is not what was asked for."""
    if max(abs(asked[name] - reached[name]) for name in asked) <= tolerance:
        return
    told = ', '.join(f'{name} {reached[name]:.0%} in place of {asked[name]:.0%}' for name in asked)
    raise UserError(f'Whole videos make another split than --ratios: {told}. Nothing is written. Cut long videos '
                    '(--block 100 --guard 10), say --gap 0 if these are no videos, or allow the difference by '
                    '--tolerance.')


def main(argv: list[str] | None = None) -> None:
    """Write the split files."""
    args = parse_args(argv)
    ratios = parse_ratios(args.ratios)
    stems = [get_stem(path) for path in list_images(args.images, nested=args.nested)]
    if not stems:
        inside = '' if args.nested else ' Where they are in its folders, say --nested.'
        raise UserError(f'{args.images} holds no image.{inside}')
    sequences = find_sequences(stems, args.gap)
    if args.block:
        sequences = [block for sequence in sequences for block in cut_blocks(sequence, args.block, args.guard)]
    parts = split_sequences(sequences, ratios, args.seed)
    asked = {name: ratio / sum(ratios.values()) for name, ratio in ratios.items()}
    reached = {name: len(part) / sum(map(len, parts.values())) for name, part in parts.items()}
    check_ratios(asked, reached, max(args.tolerance, 1 / len(stems)))
    folder = Path(args.out)
    for name, part in parts.items():
        write_text(folder / f'{name}.txt', '\n'.join(part) + '\n')
    rows = [[name, len(part), f'{asked[name]:.1%}', f'{reached[name]:.1%}', folder / f'{name}.txt']
            for name, part in parts.items()]
    left_out = len(stems) - sum(map(len, parts.values()))
    print(f'{len(stems)} frames, {len(sequences)} videos or blocks, {left_out} frames left out at cuts')
    print(AsciiTable([['part', 'frames', 'asked', 'reached', 'file'], *rows]).table)
    print('Name a file in the data set with split=..., then: ' +
          command('python', 'tools/analysis_tools/check_dataset.py', 'CONFIG'))


if __name__ == '__main__':
    run_tool(main)
