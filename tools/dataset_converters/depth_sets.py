"""Write the pairs of a published depth set as guide and target, to test on what a network never saw.

    OUT/test/rgb/NAME.png, OUT/test/depth/NAME.npy          float32, depth in metres, of middlebury grey levels

The sets of DCNAS's table II beside NYU v2, and Middlebury, each with ROOT as published:

    sintel   ROOT/{clean,depth}/SCENE/frame_0001.{png,dpt}      `training` of MPI Sintel, with its depth: 1 064 pairs
    diode    ROOT/SCENE/SCAN/NAME{.png,_depth.npy,_depth_mask.npy}          `val/indoors` of DIODE: 325 pairs
    sunrgbd  ROOT/SUNRGBD/.../{image,depth_bfx}, ROOT/SUNRGBDtoolbox        the first 500 pairs of the test part
    rgbdd    ROOT/KIND/KIND_test/ID/ID{_RGB.jpg,_HR_gt.png}                 the test part of RGB-D-D: 405 pairs
    diml     ROOT/SCENE/{color,depth_filled}/NAME_{c,depth_filled}.png      `test/LR` of DIML, indoors: 503 pairs

    middlebury  ROOT/SCENE/{view1,disp1}.png         the sets of 2005 and 2006; as depth the disparity map as it is

Pixels that were not measured get the depth of the nearest one that was.
"""
from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from mmengine.utils import track_iter_progress
from scipy.ndimage import distance_transform_edt

from mmfusenas.core.errors import UserError
from mmfusenas.datasets.images import ImageError, read_image, write_image
from mmfusenas.utils.checkpoint import save_array
from mmfusenas.utils.command_line import existing_file, run_tool
from mmfusenas.utils.mat_file import read_mat

SUN_PAIRS = 500
DPT_TAG = 202021.25

Pair = tuple[str, Path, Path]


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog='Example: python tools/dataset_converters/depth_sets.py diode raw/val/indoors --out data/diode')
    parser.add_argument('set', choices=sorted(SETS), help='which set')
    parser.add_argument('root', type=Path, metavar='ROOT', help='folder of the set as published')
    parser.add_argument('--out', required=True, type=Path, metavar='OUT', help='folder to write to')
    return parser.parse_args(argv)


def sintel(root: Path) -> list[Pair]:
    """Return name, image and depth of every pair of MPI Sintel."""
    images = sorted((root / 'clean').glob('*/*.png'))
    return [(f'{path.parent.name}-{path.stem}', path, root / 'depth' / path.parent.name / f'{path.stem}.dpt')
            for path in images]


def diode(root: Path) -> list[Pair]:
    """Return name, image and depth of every pair of DIODE."""
    return [(path.stem, path, path.with_name(f'{path.stem}_depth.npy')) for path in sorted(root.glob('*/*/*.png'))]


def sunrgbd(root: Path) -> list[Pair]:
    """Return name, image and depth of the first pairs of SUN RGB-D's test part."""
    split = read_mat(root / 'SUNRGBDtoolbox/traintestSUNRGBD/allsplit.mat', ['alltest'])
    # Paths as on the authors' machine, /n/fs/sun3d/data/SUNRGBD/kv1/...
    named = [str(path.item()).rstrip('/').partition('SUNRGBD/')[2] for path in split['alltest'].ravel()[:SUN_PAIRS]]
    return [(name.replace('/', '-'), _only(root / 'SUNRGBD' / name / 'image'),
             _only(root / 'SUNRGBD' / name / 'depth_bfx')) for name in named]


def diml(root: Path) -> list[Pair]:
    """Return name, image and depth of every pair of DIML."""
    images = sorted(root.glob('*/color/*_c.png'))
    return [(path.stem[:-2], path, path.parent.parent / 'depth_filled' / f'{path.stem[:-2]}_depth_filled.png')
            for path in images]


def rgbdd(root: Path) -> list[Pair]:
    """Return name, image and depth of every test pair of RGB-D-D, in high resolution."""
    folders = sorted(folder for folder in root.glob('*/*_test/*') if folder.is_dir())
    return [(folder.name, folder / f'{folder.name}_RGB.jpg', folder / f'{folder.name}_HR_gt.png')
            for folder in folders]


def middlebury(root: Path) -> list[Pair]:
    """Return name, image and disparity of every scene of Middlebury."""
    return [(path.parent.name, path, path.with_name('disp1.png')) for path in sorted(root.glob('*/view1.png'))]


def _only(folder: Path) -> Path:
    """Return the one file of a folder."""
    files = sorted(folder.glob('*'))
    if len(files) != 1:
        raise UserError(f'{folder} has {len(files)} files instead of one.')
    return files[0]


def read_dpt(path: Path) -> np.ndarray:
    """Read a depth map of MPI Sintel: a tag, width and height, then metres."""
    content = path.read_bytes()
    tag, (width, height) = np.frombuffer(content[:4], '<f4'), np.frombuffer(content[4:12], '<i4')
    if tag != DPT_TAG or len(content) != 12 + 4 * width * height:
        raise UserError(f'{path} is no depth map of MPI Sintel: its tag is {tag} instead of {DPT_TAG}, or it is cut '
                         'off.')
    return np.frombuffer(content[12:], '<f4').reshape(height, width)


def read_diode(path: Path) -> np.ndarray:
    """Read a depth map of DIODE, zero where its mask says that nothing was measured."""
    mask = np.load(existing_file(path.with_name(f'{path.stem}_mask.npy'), 'Mask'), allow_pickle=False)
    return np.load(path, allow_pickle=False).squeeze() * (mask == 1)


def read_sun(path: Path) -> np.ndarray:
    """Read a depth map of SUN RGB-D: millimetres, turned by three bits."""
    turned = _read_png(path)
    return ((turned >> 3) | (turned << 13)) / 1000


def read_millimetres(path: Path) -> np.ndarray:
    """Read a depth map of DIML or RGB-D-D: millimetres."""
    return _read_png(path) / 1000


def read_disparity(path: Path) -> np.ndarray:
    """Read a disparity map of Middlebury."""
    return _read_png(path, np.uint8)


def _read_png(path: Path, kind: type = np.uint16) -> np.ndarray:
    depth = read_image(str(path), cv2.IMREAD_UNCHANGED)
    if depth.dtype != kind or depth.ndim != 2:
        raise UserError(f'{path} holds {depth.dtype} of the shape {depth.shape}; here it is {np.dtype(kind)} of one '
                         'channel.')
    return depth


SETS: dict[str, tuple[Callable[[Path], list[Pair]], Callable[[Path], np.ndarray]]] = dict(
    sintel=(sintel, read_dpt), diode=(diode, read_diode), sunrgbd=(sunrgbd, read_sun), diml=(diml, read_millimetres),
    rgbdd=(rgbdd, read_millimetres), middlebury=(middlebury, read_disparity))


def filled(depth: np.ndarray) -> np.ndarray:
    """Return depth with the nearest measured value where it is zero or not finite.

    Raises:
        ValueError: Nothing was measured.
    """
    missing = ~(np.isfinite(depth) & (depth > 0))
    if missing.all():
        raise ValueError('nothing was measured')
    nearest = distance_transform_edt(missing, return_distances=False, return_indices=True)
    return depth[tuple(nearest)].astype(np.float32)


def convert(pairs: list[Pair], read: Callable[[Path], np.ndarray], out: Path) -> None:
    """Write every pair.

    Raises:
        UserError: Two pairs have one name, a file is missing or damaged, or the two sizes differ.
    """
    twice = [name for name, count in Counter(name for name, *_ in pairs).items() if count > 1]
    if twice:
        raise UserError(f'{len(twice)} names are those of several pairs, such as {twice[0]}: their files would '
                         'overwrite each other.')
    for name, image, depth in track_iter_progress(pairs):
        try:
            target, guide = filled(read(existing_file(depth, 'Depth'))), read_image(str(image), cv2.IMREAD_COLOR)
        except (ValueError, ImageError) as error:
            raise UserError(f'{depth}: {error}') from error
        if target.shape != guide.shape[:2]:
            raise UserError(f'{depth} is {target.shape[1]} x {target.shape[0]}, {image} is {guide.shape[1]} x '
                             f'{guide.shape[0]} (width x height).')
        write_image(out / 'rgb' / f'{name}.png', guide)
        save_array(out / 'depth' / f'{name}.npy', target)


def main(argv: list[str] | None = None) -> None:
    """Convert."""
    args = parse_args(argv)
    find, read = SETS[args.set]
    pairs = find(args.root)
    if not pairs:
        raise UserError(f'{args.root} has no pair of {args.set}; --help says which folders are expected.')
    convert(pairs, read, args.out / 'test')
    test = ('python tools/test.py configs/dcnas/depth.py CHECKPOINT --cfg-options '
            f'test_dataloader.dataset.data_root={args.out} test_evaluator.unit=1.0'  # grey levels
            if args.set == 'middlebury' else
            f'NYU_ROOT={args.out} python tools/test.py configs/dcnas/depth-nyu.py CHECKPOINT')
    print(f'\n{len(pairs)} pairs. Test: {test}')


if __name__ == '__main__':
    run_tool(main)
