"""Write the labelled pairs of NYU v2 as guide and target: the first 1 000 to train, the other 449 to test.

    OUT/{train,test}/rgb/0000.png, OUT/{train,test}/depth/0000.npy        640 x 480, depth in metres, float32

The source is the published nyu_depth_v2_labeled.mat (needs h5py: pip install h5py), or two arrays that others have made
of it, images N x H x W x 3 (RGB, 0 to 255) and depths N x H x W.
"""
from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from mmengine.utils import track_iter_progress

from mmfusenas.core.errors import UserError
from mmfusenas.datasets.images import write_image
from mmfusenas.utils.checkpoint import save_array
from mmfusenas.utils.command_line import RenamedOption, existing_file, run_tool

TRAINING = 1000


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog='Example: python tools/dataset_converters/nyu.py nyu_depth_v2_labeled.mat --out data/nyu')
    parser.add_argument('source', nargs='+', metavar='FILE',
                        help='the .mat file, or two .npy files, images and depths')
    parser.add_argument('--out', required=True, type=Path, metavar='OUT', help='folder to write to')
    parser.add_argument('--num-train', '--training', action=RenamedOption, type=int, default=TRAINING,
                        help='pairs of the training part (default: 1000)')
    return parser.parse_args(argv)


def read(sources: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return images N x H x W x 3 (RGB) and depths N x H x W."""
    files = [str(existing_file(source, 'Source')) for source in sources]
    if len(files) == 2:
        images, depths = (np.load(file, mmap_mode='r', allow_pickle=False) for file in files)
    elif len(files) == 1 and files[0].endswith('.mat'):
        images, depths = _read_mat(files[0])
    else:
        raise UserError(f'Give nyu_depth_v2_labeled.mat, or two .npy files; got {sources}.')
    if images.ndim != 4 or images.shape[3] != 3 or depths.shape != images.shape[:3]:
        raise UserError(f'{sources[0]} holds {images.shape}, {sources[-1]} {depths.shape}: needed are N x H x W x 3 '
                         'and N x H x W.')
    return images, depths


def _read_mat(file: str) -> tuple[np.ndarray, np.ndarray]:
    try:
        import h5py
    except ImportError as error:
        raise UserError('Reading the .mat file needs h5py: pip install h5py') from error
    with h5py.File(file, 'r') as content:
        missing = {'images', 'depths'} - set(content)
        if missing:
            raise UserError(f'{file} lacks {sorted(missing)}; it holds {sorted(content)}.')
        # MATLAB's order of axes: N x 3 x W x H and N x W x H.
        return content['images'][:].transpose(0, 3, 2, 1), content['depths'][:].transpose(0, 2, 1)


def write(images: np.ndarray, depths: np.ndarray, out: Path, training: int) -> None:
    """Write every pair."""
    for index, image, depth in track_iter_progress((_pairs(images, depths), len(depths))):
        part = out / ('train' if index < training else 'test')
        write_image(part / 'rgb' / f'{index:04d}.png', cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
        save_array(part / 'depth' / f'{index:04d}.npy', depth)


def _pairs(images: np.ndarray, depths: np.ndarray) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    for index in range(len(depths)):
        yield index, np.ascontiguousarray(images[index], dtype=np.uint8), np.asarray(depths[index], np.float32)


def main(argv: list[str] | None = None) -> None:
    """Convert."""
    args = parse_args(argv)
    images, depths = read(args.source)
    write(images, depths, args.out, args.num_train)
    print(f'\n{len(depths)} pairs. Train: NYU_ROOT={args.out} python tools/train.py configs/dcnas/depth-nyu.py')


if __name__ == '__main__':
    run_tool(main)
