"""Find where two cameras see the same: ``estimate_homography.py --visible vi --infrared ir --out cameras.json``."""
from __future__ import annotations

import argparse

import cv2
import numpy as np
from rich.progress import track

from mmfusenas.apis import input_pairs
from mmfusenas.core.errors import UserError
from mmfusenas.datasets.homography import Homography, estimate_homography
from mmfusenas.datasets.images import read_infrared, read_visible, to_display, write_image
from mmfusenas.utils.command_line import command, output_file, run_tool

MOST = 40
"""Pairs that are read; more tell little more."""


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description='Estimate the homography of a visible and an infrared camera that are fixed to each other, from '
                    'pairs of their images, and write it as a file for tools/infer.py --homography. It holds for what '
                    'is far away beside the distance of the cameras. Ten or more pairs with structure all over the '
                    'image are needed, by day if there is a choice.',
        epilog='Example: python tools/analysis_tools/estimate_homography.py --visible data/vi --infrared data/ir --out '
               'cameras.json --show cameras.png')
    parser.add_argument('--visible', required=True, metavar='PATH', help='folder, or .txt list, of visible images')
    parser.add_argument('--infrared', required=True, metavar='PATH', help='the same of the infrared camera')
    parser.add_argument('--out', required=True, metavar='FILE.json', help='file to write')
    parser.add_argument('--show', metavar='FILE.png', help='draw the infrared edges over a visible image, before and '
                        'after (or .jpg)')
    return parser.parse_args()


def edges_over(visible: np.ndarray, infrared: np.ndarray) -> np.ndarray:
    """Return a visible image with the edges of an infrared one of its size in red."""
    grey = cv2.GaussianBlur(to_display(infrared)[..., 0], (0, 0), 1.5)
    drawn = to_display(visible).copy()
    drawn[cv2.Canny(grey, 40, 100) > 0] = 0, 0, 255
    return drawn


def main() -> None:
    """Estimate."""
    args = parse_args()
    out = output_file(args.out, args.visible, args.infrared)
    if args.show:
        output_file(args.show, out)
    pairs = input_pairs(args.visible, args.infrared)
    chosen = pairs[::-(-len(pairs) // MOST)]
    images = [(read_visible(pair.visible), read_infrared(pair.infrared)) for pair in track(chosen, 'reading')]
    if len({(visible.shape[:2], infrared.shape[:2]) for visible, infrared in images}) > 1:
        raise UserError(f'The pairs of {args.visible} and {args.infrared} are of several sizes; a homography is of two '
                        'cameras.')
    found, spread = estimate_homography(images)
    found.save(out)
    visible, infrared = images[len(images) // 2]
    height, width = visible.shape[:2]
    # Beside a plain resize, which is what a homography has to be better than.
    plain = Homography(np.diag([1.0, width * infrared.shape[0] / (height * infrared.shape[1]), 1.0]))
    rows = {'a plain resize': plain, 'the homography': found}
    print(f'{len(images)} pairs; single ones lie {spread * infrared.shape[1]:.1f} pixels of the infrared image from '
          f'{out} (median of the corners)')
    for name, homography in rows.items():
        offset = homography.median_offset(images) * width
        print(f'edges apart by {name}: ' + (f'{offset:.1f} pixels of the visible image (median)' if offset >= 0 else
                                           'too far to say'))
    if args.show:
        write_image(args.show, np.hstack([edges_over(visible, homography(visible, infrared))
                                          for homography in rows.values()]))
        print(f'{args.show}: infrared edges over a visible image, by a plain resize and by the homography')
    print('\ndone; next:\n  ' + command('python', 'tools/infer.py', '--model', 'tim-light', '--visible', args.visible,
                                        '--infrared', args.infrared, '--homography', out, '--out-dir', 'fused'))


if __name__ == '__main__':
    run_tool(main)
