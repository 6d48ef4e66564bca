"""Options of tools for pairs whose cameras differ: in size, in place, in the unit of the infrared files."""
from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

import numpy as np

from mmfusenas.core.errors import InputError
from mmfusenas.datasets.homography import Homography
from mmfusenas.datasets.images import image_size, read_pair
from mmfusenas.datasets.pairing import Pair
from mmfusenas.datasets.transforms import LoadPairFromFile
from mmfusenas.models.data_preprocessors.pair_data_preprocessor import LEAST_SHARE

LOOKED_AT = 20
"""Infrared files of which the range is looked at."""


def add_camera_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say how the files of two cameras become a pair.

    Args:
        parser: Parser.
    """
    parser.add_argument('--resize', choices=['visible', 'infrared'],
                        help='bring the other image of a pair to the size of this one, where they show the same view')
    parser.add_argument('--homography', metavar='FILE.json',
                        help='where two cameras fixed to each other see the same, of '
                             'tools/analysis_tools/estimate_homography.py; at inference a warning says where a camera '
                             'seems to have moved')
    parser.add_argument('--thermal-range', nargs=2, type=float, metavar=('LOW', 'HIGH'),
                        help='temperatures or raw counts of the infrared files that become black and white')
    parser.add_argument('--thermal-percentiles', nargs=2, type=float, metavar=('LOW', 'HIGH'),
                        help='the same by percentiles of each image, such as 1 99')
    parser.add_argument('--black-hot', action='store_true',
                        help='with one of these: the files are dark where it is hot')


def thermal_options(args: argparse.Namespace) -> dict[str, Any] | None:
    """Return the arguments of the scaling of thermal files, None where the files are images.

    Raises:
        InputError: ``--black-hot`` stands alone.
    """
    if args.thermal_range or args.thermal_percentiles:
        return dict(limits=args.thermal_range, percentiles=args.thermal_percentiles, black_hot=args.black_hot)
    if args.black_hot:
        raise InputError('--black-hot needs --thermal-range or --thermal-percentiles.')
    return None


def loading_options(args: argparse.Namespace, pairs: Sequence[Pair]) -> dict[str, Any]:
    """Return the arguments of ``LoadPairFromFile`` that the options ask for.

    Args:
        args: With the options of :func:`add_camera_options`.
        pairs: What is going to be loaded, without gaps.

    Raises:
        InputError: The pairs need an option that is not given, or what ``LoadPairFromFile`` raises of its arguments.
    """
    thermal = {name: value for name, value in (thermal_options(args) or {}).items() if value}
    matrix = Homography.load(args.homography).matrix.tolist() if args.homography else None
    options = dict(resize=args.resize, homography=matrix, thermal=thermal)
    options = {name: value for name, value in options.items() if value}
    LoadPairFromFile(**options)
    if not args.resize and not args.homography:
        check_sizes(pairs)
    if not thermal:
        check_ranges(pairs)
    return options


def check_sizes(pairs: Sequence[Pair]) -> None:
    """Raise an InputError where the images of a pair differ in size, by their headers."""
    sizes = {pair: (image_size(pair.visible), image_size(pair.infrared)) for pair in pairs}
    differing = [pair for pair, (visible, infrared) in sizes.items() if visible != infrared]
    if differing:
        (h, w), (h2, w2) = sizes[differing[0]]
        raise InputError(
            f'{len(differing)} of {len(pairs)} pairs differ in size: {differing[0].visible} is {w} x {h}, '
            f'{differing[0].infrared} is {w2} x {h2}. Give --resize visible (or infrared) where both show the same '
            'view, else --homography FILE.json, of tools/analysis_tools/estimate_homography.py.')


def check_ranges(pairs: Sequence[Pair]) -> None:
    """Raise an InputError where infrared files hold counts or temperatures that a model would see as flat images."""
    chosen = pairs[::-(-len(pairs) // LOOKED_AT)]
    images = {pair.infrared: read_pair(pair.visible, pair.infrared)[1] for pair in chosen}
    path, image = max(images.items(), key=lambda item: np.ptp(item[1].astype(float)))
    low, high = float(image.min()), float(image.max())
    flat = image.dtype == np.uint16 and high - low < LEAST_SHARE * np.iinfo(np.uint16).max
    if flat or image.dtype.kind == 'f' and (low < 0 or high > 255):
        raise InputError(
            f'{path} holds {image.dtype} from {low:g} to {high:g}, which a model would see as nearly flat: give '
            '--thermal-range LOW HIGH, the values that become black and white, or --thermal-percentiles 1 99 of each '
            'image; with --black-hot where files are dark where it is hot.')
