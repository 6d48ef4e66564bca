"""Write the blurred images of Levin et al. (CVPR 2009) as images and kernels.

    OUT/blurred/im05_flit01.png, OUT/sharp/im05_flit01.png, OUT/kernel/im05_flit01.npy, ...

Each of the 32 published files im0[5-8]_flit0[1-8].mat holds x (sharp), y (blurred), both in [0, 1], and f, the kernel
of a correlation: it is turned by 180 degrees to that of a convolution, which is what kernels are here.
"""
from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from mmfusenas.core.errors import UserError
from mmfusenas.datasets.images import write_image
from mmfusenas.utils.checkpoint import save_array
from mmfusenas.utils.command_line import run_tool
from mmfusenas.utils.mat_file import read_mat


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog='Example: python tools/dataset_converters/levin.py LevinEtalCVPR09Data/*.mat --out data/levin')
    parser.add_argument('files', nargs='+', metavar='FILE.mat', help='published files')
    parser.add_argument('--out', required=True, type=Path, metavar='OUT', help='folder to write to')
    return parser.parse_args(argv)


def read(path: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return sharp and blurred image (uint8) and kernel (float32) of a file."""
    content = read_mat(path, ('x', 'y', 'f'))
    if content['x'].shape != content['y'].shape:
        raise UserError(f'{path}: x is {content["x"].shape}, y {content["y"].shape}; both are of one size.')
    sharp, blurred = (np.rint(content[name].astype(np.float64) * 255).clip(0, 255).astype(np.uint8) for name in 'xy')
    return sharp, blurred, odd(np.rot90(content['f'], 2).astype(np.float32))


def odd(kernel: np.ndarray) -> np.ndarray:
    """Return a kernel with as many rows as columns, an odd number: zeros are added, at the end first."""
    side = max(kernel.shape) | 1
    room = [side - length for length in kernel.shape]
    return np.pad(kernel, [(free // 2, free - free // 2) for free in room])


def main(argv: list[str] | None = None) -> None:
    """Convert."""
    args = parse_args(argv)
    scenes = {Path(path).stem: read(path) for path in args.files}  # all are looked at before one is written
    for stem, (sharp, blurred, kernel) in scenes.items():
        for folder, image in (('sharp', sharp), ('blurred', blurred)):
            write_image(args.out / folder / f'{stem}.png', image)
        save_array(args.out / 'kernel' / f'{stem}.npy', kernel)
    print(f'{len(scenes)} images in {args.out}\n\nnext:\n  DATA=levin LEVIN_ROOT={args.out} python '
          'tools/test.py configs/hyperguidance/deblur.py CHECKPOINT')


if __name__ == '__main__':
    run_tool(main)
