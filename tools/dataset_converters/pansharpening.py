"""Write satellite scenes of a .mat file as guide and target for guided super-resolution, by Wald's protocol.

    OUT/pan/STEM.npy, OUT/ms/STEM.npy                       with --tile 64: STEM_000.npy, STEM_001.npy, ...

There is no spectral image of the resolution of the panchromatic one, so both go down by their ratio: the panchromatic
image, in the size of the spectral bands (bicubic, antialiased), guides the bands back from a degraded copy of
themselves, which DegradeTarget makes. The file holds I_PAN (H x W), I_MS (h x w x bands) and ratio.
"""
from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from mmfusenas.core.errors import UserError
from mmfusenas.datasets.transforms.degrade_target import resize_bicubic
from mmfusenas.utils.checkpoint import save_array
from mmfusenas.utils.command_line import run_tool
from mmfusenas.utils.mat_file import read_mat


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog='Example: python tools/dataset_converters/pansharpening.py imgWV2.mat --out data/pansharpening/train '
        '--bands 2 3 5 7, for the four bands that IKONOS has too.')
    parser.add_argument('scenes', nargs='+', metavar='FILE.mat', help='scenes')
    parser.add_argument('--out', required=True, type=Path, metavar='OUT', help='folder to write to')
    parser.add_argument('--bands', nargs='+', type=int, metavar='N', help='bands to keep, from 1 (default: all)')
    parser.add_argument('--tile', type=int, metavar='SIZE',
                        help='cut a scene into squares of so many pixels, row by row; what is left over is dropped')
    return parser.parse_args(argv)


def convert(path: Path, bands: list[int] | None) -> tuple[np.ndarray, np.ndarray]:
    """Return the panchromatic image at the size of the bands, H x W, and the bands H x W x B, float32."""
    scene = read_mat(path, ('I_PAN', 'I_MS', 'ratio'))
    pan, ms, ratio = scene['I_PAN'].astype(np.float32), scene['I_MS'].astype(np.float32), int(scene['ratio'].item())
    if pan.shape != (ms.shape[0] * ratio, ms.shape[1] * ratio):
        raise UserError(f'{path}: I_PAN is {pan.shape}, not {ratio} times I_MS {ms.shape}.')
    if bands and not 1 <= min(bands) <= max(bands) <= ms.shape[2]:
        raise UserError(f'{path} has the bands 1 to {ms.shape[2]}, asked for are {bands}.')
    chosen = [band - 1 for band in bands] if bands else slice(None)
    return resize_bicubic(pan, ms.shape[:2]), np.ascontiguousarray(ms[..., chosen])


def tiles(scenes: dict[str, tuple[np.ndarray, np.ndarray]], size: int) -> dict[str, list[np.ndarray]]:
    """Cut every scene into whole squares, numbered row by row."""
    found = {}
    for stem, arrays in scenes.items():
        height, width = arrays[0].shape
        if not 0 < size <= min(height, width):
            raise UserError(f'--tile {size} does not fit into {stem} of {height} x {width}.')
        places = [(i, j) for i in range(0, height - size + 1, size) for j in range(0, width - size + 1, size)]
        found.update({f'{stem}_{k:03d}': [x[i:i + size, j:j + size] for x in arrays]
                      for k, (i, j) in enumerate(places)})
    return found


def main(argv: list[str] | None = None) -> None:
    """Convert."""
    args = parse_args(argv)
    scenes = {Path(path).stem: convert(Path(path), args.bands) for path in args.scenes}
    if args.tile is not None:
        scenes = tiles(scenes, args.tile)
    for stem, arrays in scenes.items():
        for name, array in zip(('pan', 'ms'), arrays):
            save_array(args.out / name / f'{stem}.npy', array)
        print(f'{stem}: {arrays[1].shape[0]} x {arrays[1].shape[1]}, {arrays[1].shape[2]} bands, '
              f'values up to {arrays[1].max():g}')
    print(f'With the scenes to train on in ROOT/train and the others in ROOT/test, here {args.out}:\n'
          'PANSHARPENING_ROOT=ROOT python tools/train.py configs/dcnas/pansharpening.py')


if __name__ == '__main__':
    run_tool(main)
