"""Write MIT-Adobe FiveK as images: the raw files, and what an expert made of them.

    OUT/input/NAME.png, OUT/expertC/NAME.png        8 bit sRGB, one size a pair

INPUT holds the raw files (``.dng``, developed with the camera's own white balance, which needs ``pip install rawpy``)
or images that were developed elsewhere; EXPERT the expert's, as published (``tiff16_c``, 16 bit in ProPhoto RGB).
Names are equal but for the ending. Colours are brought to sRGB by the profile that a file carries.
"""
from __future__ import annotations

import argparse
import io
from pathlib import Path

import numpy as np
from mmengine.utils import track_iter_progress
from PIL import Image, ImageCms, UnidentifiedImageError

from mmfusenas.core.errors import UserError
from mmfusenas.datasets.images import write_image
from mmfusenas.utils.command_line import run_tool

RAW = ('.dng', )
ENDINGS = ('.tif', '.tiff', '.png', '.jpg', '.jpeg', *RAW)


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog='Example: python tools/dataset_converters/fivek.py raw/dng raw/tiff16_c --out data/fivek')
    parser.add_argument('input', type=Path, metavar='INPUT', help='folder of the raw files, or of developed ones')
    parser.add_argument('expert', type=Path, metavar='EXPERT', help="folder of the expert's images")
    parser.add_argument('--out', required=True, type=Path, metavar='OUT', help='folder to write to')
    parser.add_argument('--name', default='expertC', help="folder of the expert's images there (default: expertC)")
    parser.add_argument('--long-side', type=int, default=512, help='longer side in pixels (default: 512)')
    return parser.parse_args(argv)


def files_by_stem(folder: Path) -> dict[str, Path]:
    """Return the images of a folder, and of those in it, by stem."""
    found = {path.stem: path for path in sorted(folder.rglob('*')) if path.suffix.lower() in ENDINGS}
    if not found:
        raise UserError(f'{folder} holds no image ({", ".join(ENDINGS)}).')
    return found


def read(path: Path) -> Image.Image:
    """Return an image in sRGB."""
    if path.suffix.lower() in RAW:
        return developed(path)
    try:
        with Image.open(path) as file:
            profile, image = file.info.get('icc_profile'), file.convert('RGB')
    except (UnidentifiedImageError, OSError) as error:
        raise UserError(f'{path} cannot be read as an image ({error}).') from error
    if not profile:
        return image
    return ImageCms.profileToProfile(image, io.BytesIO(profile), ImageCms.createProfile('sRGB'), outputMode='RGB')


def developed(path: Path) -> Image.Image:
    """Return a raw file as the camera would have shown it."""
    try:
        import rawpy
    except ImportError as error:
        raise UserError(f'Developing {path} needs rawpy: pip install rawpy. Or give a folder of developed '
                         'images.') from error
    with rawpy.imread(str(path)) as file:
        return Image.fromarray(file.postprocess(use_camera_wb=True, no_auto_bright=True))


def size_of(image: Image.Image, long_side: int) -> tuple[int, int]:
    """Return the width and height of an image whose longer side is ``long_side``; none is made larger."""
    share = min(1.0, long_side / max(image.size))
    return max(1, round(image.width * share)), max(1, round(image.height * share))


def main(argv: list[str] | None = None) -> None:
    """Convert."""
    args = parse_args(argv)
    sources, targets = files_by_stem(args.input), files_by_stem(args.expert)
    alone = sorted(sources.keys() ^ targets.keys())
    if alone:
        raise UserError(f'{len(alone)} images have no partner of the same name, {alone[0]} the first: {args.input} '
                         f'has {len(sources)}, {args.expert} {len(targets)}.')
    for name in track_iter_progress(sorted(sources)):
        source, target = read(sources[name]), read(targets[name])
        if abs(source.width / source.height / (target.width / target.height) - 1) > 0.02:
            raise UserError(f'{sources[name]} is {source.size}, {targets[name]} is {target.size} (width, height): one '
                             'is turned or cut.')
        size = size_of(target, args.long_side)
        for folder, image in (('input', source), (args.name, target)):
            resized = image.resize(size, Image.Resampling.LANCZOS)
            write_image(args.out / folder / f'{name}.png', np.asarray(resized)[..., ::-1])
    print(f'{len(sources)} pairs in {args.out}\n\nnext:\n  python tools/dataset_converters/make_split.py '
          f'{args.out / "input"} --gap 0 --out {args.out / "splits"} --ratios train=0.9 test=0.1')


if __name__ == '__main__':
    run_tool(main)
