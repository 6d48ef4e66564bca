"""How well the shift between the two images of a pair is found from that pair alone, on real pairs in register.

The visible image is shifted to the right by a known share of its width, its border repeated, and `pair_offset` looks
for the shift. `found` stand out; `wrong` ones of them lie further than 2 % of the width from it. Errors are in pixels
of an image 640 wide, and hold what the pairs are out of register by themselves. The row `other places` has the visible
image of each pair with the infrared one half the folder away, where nothing should be found. Beside it stands how many
are right (within 2 %) by OpenCV's `phaseCorrelate` of the strengths of edges, which gives a shift for every pair.

    OMP_NUM_THREADS=1 python benchmarks/pair_offset.py data/msrs/train data/roadscene/train [--shares 0 0.05]
"""
import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter

import cv2
import numpy as np
from mmengine.utils import track_iter_progress
from terminaltables import AsciiTable

from mmfusenas.apis import input_pairs
from mmfusenas.datasets.images import read_infrared, read_visible, to_grey
from mmfusenas.datasets.offset import REACH, WIDTH, pair_offset
from mmfusenas.utils.command_line import run_tool

SHOWN, WRONG = 640, 0.02  # width of the errors' pixels; share of the width


def main() -> None:
    args = parse_args()
    rows = [['', 'shift', 'pairs', 'found', 'wrong', 'error: median', '90 %', 'largest',
             'right by phaseCorrelate']]
    seconds = []
    for folder in args.folders:
        pairs = input_pairs(folder / 'vi', folder / 'ir')
        images = [(read_visible(pair.visible), read_infrared(pair.infrared)) for pair in track_iter_progress(pairs)]
        for share in args.shares:
            start = perf_counter()
            errors = [error for pair in images if (error := shift_error(pair_offset, *pair, share)) is not None]
            seconds.append((perf_counter() - start) / len(images))
            others = [shift_error(phase_offset, *pair, share) for pair in images]
            rows.append([f'{folder.parent.name}/{folder.name}', f'{share:g}', len(images), len(errors),
                         sum(error > WRONG for error in errors),
                         *(f'{SHOWN * np.percentile(errors, part):.1f}' for part in (50, 90, 100)),
                         sum(error <= WRONG for error in others)])
        rows.append([f'{folder.parent.name}/{folder.name}', 'other places', len(images), believed(images)])
    rows = [[*row, *[''] * (len(rows[0]) - len(row))] for row in rows]
    print('\n' + AsciiTable(rows, f'{1000 * np.mean(seconds):.0f} ms a pair').table)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('folders', nargs='+', type=Path, help='folders with the folders vi and ir')
    parser.add_argument('--shares', nargs='+', type=float, default=[0, 0.025, 0.05, 0.1, 0.15],
                        help='of the width to shift by (default: %(default)s)')
    args = parser.parse_args()
    if not all(0 <= share < REACH for share in args.shares):
        parser.error(f'--shares {args.shares}: a shift is looked for from 0 to below {REACH} of the width.')
    return args


def believed(images: Sequence[tuple[np.ndarray, np.ndarray]]) -> int:
    """Return how many visible images seem to be shifted against an infrared one of another place."""
    others = [images[(index + len(images) // 2) % len(images)][1] for index in range(len(images))]
    found = 0
    for (visible, _), infrared in zip(images, others, strict=True):
        height, width = (min(sides) for sides in zip(visible.shape, infrared.shape))
        found += pair_offset(visible[:height, :width], infrared[:height, :width]) is not None
    return found


def shift_error(method: Callable[[np.ndarray, np.ndarray], np.ndarray | None], visible: np.ndarray,
                infrared: np.ndarray, share: float) -> float | None:
    """Return how far the found shift is from the known one, in widths; None where none stands out."""
    width = visible.shape[1]
    pixels = round(share * width)
    offset = method(visible[:, (np.arange(width) - pixels).clip(0)], infrared)
    return None if offset is None else float(np.hypot(offset[0] - pixels / width, offset[1]))


def phase_offset(visible: np.ndarray, infrared: np.ndarray) -> np.ndarray:
    """Return the shift by OpenCV's phase correlation of the strengths of edges, in widths."""
    fixed, moving = map(edges, (visible, infrared))
    window = cv2.createHanningWindow(fixed.shape[::-1], cv2.CV_32F)
    return np.array(cv2.phaseCorrelate(moving, fixed, window)[0]) / fixed.shape[1]


def edges(image: np.ndarray) -> np.ndarray:
    """Return the strength of edges, at the width and blur of `pair_offset`."""
    grey = to_grey(image).astype(np.float32)
    small = cv2.resize(grey, (WIDTH, round(WIDTH * grey.shape[0] / grey.shape[1])), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), 1.5)
    return np.hypot(cv2.Sobel(small, cv2.CV_32F, 1, 0), cv2.Sobel(small, cv2.CV_32F, 0, 1))


if __name__ == '__main__':
    run_tool(main)
