"""How near the estimate of two cameras' homography comes to a known one, on real pairs in register.

The middle of each visible image stands for one camera. The infrared image is seen by another: from a quadrangle around
the same middle, drawn from a seed, turned into 320 x 240. The table has the mean distance of the corners from where
they belong, in pixels of the visible image: of a plain resize and of the estimate, and the shift at which edges
correlate best beyond the plain resize, the estimate, and the truth. The pairs' own errors of register are in all of
them.

    OMP_NUM_THREADS=1 python benchmarks/homography.py data/msrs/train data/roadscene/train [--pairs 20] [--seeds 0 1 2]
"""
import argparse
from pathlib import Path

import cv2
import numpy as np
from terminaltables import AsciiTable

from mmfusenas.apis import input_pairs
from mmfusenas.datasets.homography import Homography, estimate_homography
from mmfusenas.datasets.images import read_infrared, read_visible
from mmfusenas.utils.command_line import run_tool

SIZE, MARGIN, SEEN = (640, 480), (104, 80), (320, 240)  # width, height; what is cut off at each side


def main() -> None:
    args = parse_args()
    rows = [['', 'seed', 'pairs', 'plain resize', 'estimate', 'edges: plain', 'estimate', 'truth']]
    for folder in args.folders:
        for seed in args.seeds:
            rows.append([f'{folder.parent.name}/{folder.name}', seed, *row(folder, args.pairs, seed)])
    print(AsciiTable(rows, f'pixels of the visible image, {width_of_view()} wide').table)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('folders', nargs='+', type=Path, help='folders with the folders vi and ir')
    parser.add_argument('--pairs', type=int, default=20, help='to estimate from (default: 20)')
    parser.add_argument('--seeds', type=int, nargs='+', default=[0, 1, 2], help='of view and pairs (default: 0 1 2)')
    return parser.parse_args()


def width_of_view() -> int:
    """Return the width of the visible camera's image."""
    return SIZE[0] - 2 * MARGIN[0]


def row(folder: Path, number: int, seed: int) -> list[str]:
    """Return the figures of one view: the number of pairs, two errors, three shifts."""
    generator = np.random.default_rng(seed)
    found = input_pairs(folder / 'vi', folder / 'ir')
    chosen = [found[index] for index in sorted(generator.permutation(len(found))[:number])]
    view = infrared_view(generator)
    pairs = [seen_by_both(read_visible(pair.visible), read_infrared(pair.infrared), view) for pair in chosen]
    true = true_homography(view)
    plain = Homography(np.diag([1, SEEN[1] / SEEN[0] / aspect(), 1]))
    estimate, _ = estimate_homography(pairs)
    errors = [error(homography, true) for homography in (plain, estimate)]
    shifts = [homography.median_offset(pairs) * width_of_view() for homography in (plain, estimate, true)]
    return [str(len(pairs)), *(f'{value:.1f}' for value in (*errors, *shifts))]


def infrared_view(generator: np.random.Generator) -> np.ndarray:
    """Return the matrix from pixels of the whole image to those of the infrared camera."""
    (width, height), (x, y) = SIZE, MARGIN
    corners = np.array([[x, y], [width - x, y], [width - x, height - y], [x, height - y]], float)
    middle = corners.mean(0)
    quadrangle = middle + (corners - middle) * generator.uniform(0.85, 1.2)
    quadrangle += generator.uniform(-15, 15, 2) + generator.uniform(-6, 6, (4, 2))
    target = [[0, 0], [SEEN[0], 0], SEEN, [0, SEEN[1]]]
    return cv2.getPerspectiveTransform(
        quadrangle.clip(0, np.array(SIZE) - 1).astype(np.float32), np.array(target, np.float32))


def seen_by_both(visible: np.ndarray, infrared: np.ndarray, view: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return what the two cameras see of a pair in register."""
    visible, infrared = (cv2.resize(image, SIZE, interpolation=cv2.INTER_AREA) for image in (visible, infrared))
    (width, height), (x, y) = SIZE, MARGIN
    return visible[y:height - y, x:width - x], cv2.warpPerspective(infrared, view, SEEN)


def true_homography(view: np.ndarray) -> Homography:
    """Return the homography of the two cameras."""
    cut = np.array([[1, 0, MARGIN[0]], [0, 1, MARGIN[1]], [0, 0, 1]])
    first, second = (np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, side]]) / side for side in (width_of_view(), SEEN[0]))
    return Homography(second @ view @ cut @ np.linalg.inv(first))


def aspect() -> float:
    """Return height / width of the visible camera's image."""
    return (SIZE[1] - 2 * MARGIN[1]) / width_of_view()


def error(homography: Homography, true: Homography) -> float:
    """Return the mean distance of where the corners are seen, in pixels of the visible image."""
    there_and_back = Homography(np.linalg.inv(true.matrix) @ homography.matrix)
    moved = there_and_back.corners(aspect()) - Homography(np.eye(3)).corners(aspect())
    return float(np.linalg.norm(moved, axis=1).mean() * width_of_view())


if __name__ == '__main__':
    run_tool(main)
