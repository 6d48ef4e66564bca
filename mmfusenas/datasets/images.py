"""Reading the images of a sample, and writing images, as plain functions.

Visible images and references are H x W x 3 BGR, infrared ones H x W; all keep the depth of the file (uint8, uint16,
float32).
"""
from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from contextlib import suppress
from math import prod
from os import path as osp
from pathlib import Path

import cv2
import mmcv
import numpy as np
from mmengine import fileio
from PIL import ExifTags, Image, TiffImagePlugin, UnidentifiedImageError

from mmfusenas.core.errors import FileNotWrittenError, InputError, StateError
from mmfusenas.core.files import PARTIAL_SUFFIX, atomic_write

IMAGE_SUFFIXES = ('.png', '.jpg', '.jpeg', '.bmp', '.tif', '.tiff', '.webp', '.pgm', '.ppm')
"""Suffixes, in lower case, of files that count as images when a folder is read."""

SUFFIXES = {'.png': (np.uint8, np.uint16), '.tif': (np.uint8, np.uint16), '.tiff': (np.uint8, np.uint16),
            '.jpg': (np.uint8, ), '.jpeg': (np.uint8, ), '.bmp': (np.uint8, )}
"""Of files that are written, and what their images may hold."""

# EXIF orientations under which rows become columns.
_TURNED = {5, 6, 7, 8}


MOST_PIXELS = 2 ** 26
"""Of an image: a small file may hold many more (30 000 x 30 000 of one value make a PNG of 0.9 MB), and none of the
sensors gives as many. Known before it is decoded."""

LARGEST_FILE = 2 ** 31
"""Of an image file, in bytes."""


class ImageError(StateError):
    """An image file that is missing, unreadable or of a kind that cannot be used. Names the file."""


def read_bytes(path: str, backend_args: dict | None) -> bytes:
    """Return the content of a file.

    Raises:
        ImageError: It is missing, empty, no regular file (a pipe never ends), or too large.
    """
    _check_file(path)
    try:
        content = fileio.get(path, backend_args=backend_args)
    except OSError as error:
        raise ImageError(
            f'The image {path} cannot be opened ({type(error).__name__}: {error.strerror or error}). Check the '
            'path; of a data set, the data root of its config, and tools/analysis_tools/check_dataset.py lists every '
            'such file.'
        ) from error
    if not content:
        raise ImageError(f'The image {path} is empty (0 bytes). Copy it again from its source.')
    return content


def _check_file(path: str) -> None:
    """Raise on what is no regular file, or a huge one; of other file backends nothing is known here."""
    if not osp.exists(path):
        return
    if not osp.isfile(path):
        raise ImageError(f'{path} is no regular file, and no image.')
    if osp.getsize(path) > LARGEST_FILE:
        raise ImageError(f'{path} has {osp.getsize(path):,} bytes; image files have up to {LARGEST_FILE:,}.')


def _header(file: str | io.BytesIO, path: str) -> Image.Image | None:
    """Return an image whose header alone has been read, None of a kind that Pillow does not know.

    Raises:
        ImageError: It has too many pixels.
    """
    try:
        image = Image.open(file)
    except Image.DecompressionBombError as error:
        raise ImageError(f'The image {path} is too large ({error}); {_SMALLER}') from error
    except UnidentifiedImageError:
        return None
    width, height = image.size
    if width * height > MOST_PIXELS:
        image.close()
        raise ImageError(f'The image {path} is {width} x {height}; {_SMALLER}')
    return image


_SMALLER = f'images have up to {MOST_PIXELS:,} pixels. Cut it into parts, or make it smaller.'


def check_pixels(content: bytes, path: str) -> None:
    """Raise where the header of an image file states too many pixels to decode it.

    Raises:
        ImageError: It has more than ``MOST_PIXELS``.
    """
    with suppress(OSError, ValueError, SyntaxError):  # a damaged header, which decoding finds as well
        image = _header(io.BytesIO(content), path)
        if image is not None:
            image.close()


def _is_cut_png(content: bytes) -> bool:
    """Return whether a chunk of a PNG states more bytes than follow: OpenCV would allocate them, up to 2 GB."""
    place = 8
    while content.startswith(b'\x89PNG') and place < len(content):
        length = int.from_bytes(content[place:place + 4], 'big')
        if content[place + 4:place + 8] == b'IEND':
            return False
        place += length + 12
        if place > len(content):
            return True
    return False


def _decode(content: bytes, flag: int, path: str) -> np.ndarray | None:
    if _is_cut_png(content):
        return None
    try:
        return mmcv.imfrombytes(content, flag=flag | cv2.IMREAD_ANYDEPTH, backend='cv2')
    except cv2.error as error:
        raise ImageError(f'The image {path} cannot be decoded ({error}). Copy it again from its source.') from error


def read_image(path: str, flag: int, backend_args: dict | None = None) -> np.ndarray:
    """Read one image file and keep its depth.

    Args:
        path: File, or address of any of mmengine's file backends.
        flag: OpenCV's reading flag; ``cv2.IMREAD_ANYDEPTH`` is added.
        backend_args: Arguments of mmengine's file backend.

    Returns:
        H x W x 3 (BGR) or H x W; uint8, uint16 or float32.

    Raises:
        ImageError: The file is missing, empty, damaged, too large, or of another depth.
    """
    content = read_bytes(path, backend_args)
    check_pixels(content, path)
    image = _decode(content, flag, path)
    if image is None and flag == cv2.IMREAD_COLOR:  # OpenCV makes no colour of a grey TIFF of float
        image = _decode(content, cv2.IMREAD_ANYCOLOR, path)
        image = image if image is None else to_colour(image)
    if image is None:
        values = _tiff_values(content)
        if values not in ('', 'uint8', 'uint16', 'float32'):
            raise ImageError(f'The image {path} holds {values}; save it as 8 or 16 bit, or float32.')
        raise ImageError(
            f'The image {path} ({len(content)} bytes) cannot be decoded: it is damaged, cut off, or no image. Copy it '
            'again from its source, or take the pair out of the split file.'
        )
    if image.dtype not in (np.uint8, np.uint16, np.float32):
        raise ImageError(f'The image {path} holds {image.dtype}; save it as 8 or 16 bit, or float32.')
    return image


def _tiff_values(content: bytes) -> str:
    """Return the type of a TIFF's values, such as ``float16``; '' where the file does not say it."""
    with suppress(Exception):  # a damaged directory
        tags = TiffImagePlugin.ImageFileDirectory_v2(content[:8])
        file = io.BytesIO(content)
        file.seek(tags.next)
        tags.load(file)
        kind, bits = tags.get(TiffImagePlugin.SAMPLEFORMAT, (1, ))[0], tags[TiffImagePlugin.BITSPERSAMPLE][0]
        return dict(zip((1, 2, 3), ('uint', 'int', 'float')))[kind] + str(bits)
    return ''


def checked_array(image: np.ndarray, name: str) -> np.ndarray:
    """Return an array that is an image as ``mmcv.imread`` gives it, of floats as float32.

    ``name`` is what to call it in a message.

    Raises:
        ValueError: Its shape is no image's, or its values are not those of 8 or 16 bit.
    """
    if image.ndim not in (2, 3) or (image.ndim == 3 and image.shape[2] not in (1, 3)):
        raise InputError(f'The shape of {name} is {image.shape}; an image is H x W or H x W x 3 (BGR).')
    if image.size == 0:
        raise InputError(f'The shape of {name} is {image.shape}: it has no pixels.')
    whole = image.dtype in (np.uint8, np.uint16)
    if not whole and (image.dtype.kind != 'f' or 0 < image.max() <= 1):
        raise InputError(f'The values of {name} are {image.dtype} up to {float(image.max()):g}; give 8 bit (0 '
                         'to 255) or 16 bit, as mmcv.imread does.')
    return image if whole else image.astype(np.float32, copy=False)


def float_ranges(images: Mapping[str, np.ndarray]) -> dict[str, tuple[float, float]]:
    """Return the smallest and the largest value of those images, by key, that are floating point.

    Example:
        >>> float_ranges(dict(img=np.zeros((2, 2), np.uint8), infrared=np.float32([[-4, 30]])))
        {'infrared': (-4.0, 30.0)}
    """
    return {key: (float(image.min()), float(image.max())) for key, image in images.items() if image.dtype.kind == 'f'}


def read_visible(path: str, backend_args: dict | None = None) -> np.ndarray:
    """Read a visible image as H x W x 3 BGR; a grey file becomes three equal channels."""
    return read_image(path, cv2.IMREAD_COLOR, backend_args)


def read_infrared(path: str, backend_args: dict | None = None) -> np.ndarray:
    """Read an infrared image as H x W; a file with three channels is turned to grey.

    Equal channels, as many cameras store them, come back exactly.
    """
    return to_grey(read_image(path, cv2.IMREAD_ANYCOLOR, backend_args))


def read_array(path: str, backend_args: dict | None = None) -> np.ndarray:
    """Read an image as it is, H x W or H x W x C (BGR), or an array of a ``.npy`` file.

    Raises:
        ImageError: The file is missing, damaged or of another kind.
    """
    if not path.endswith('.npy'):
        return read_image(path, cv2.IMREAD_ANYCOLOR, backend_args)
    content = read_bytes(path, backend_args)
    try:
        array = _load_npy(content)
    except Exception as error:  # damaged headers end in errors of many kinds
        raise ImageError(f'{path} is no array of numbers ({error}). Save it by numpy.save.') from error
    if array.ndim not in (2, 3) or array.dtype.kind not in 'uif' or array.size == 0:
        raise ImageError(f'{path} holds {array.dtype} of the shape {array.shape}; H x W or H x W x C numbers serve.')
    return array


def _load_npy(content: bytes) -> np.ndarray:
    """Return the array of a ``.npy`` file, once its header is known to state no more than the file holds."""
    file = io.BytesIO(content)
    version = np.lib.format.read_magic(file)
    read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read_header(file)
    stated, held = prod(shape) * dtype.itemsize, len(content) - file.tell()
    if dtype.hasobject or min(shape, default=1) < 0 or stated != held:
        raise InputError(f'its header says {dtype} of the shape {shape}, and {held} bytes follow')
    return np.load(io.BytesIO(content), allow_pickle=False)


def read_pair(visible: str, infrared: str, backend_args: dict | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Read both images of a pair, H x W x 3 and H x W.

    Where both are one file of four channels (as published by MFNet), the last is the infrared image.

    Raises:
        ImageError: A file is missing or unreadable.
    """
    if visible == infrared:
        both = read_image(visible, cv2.IMREAD_UNCHANGED, backend_args)
        if both.ndim == 3 and both.shape[2] == 4:
            return np.ascontiguousarray(both[..., :3]), np.ascontiguousarray(both[..., 3])
    return read_visible(visible, backend_args), read_infrared(infrared, backend_args)


def to_grey(image: np.ndarray) -> np.ndarray:
    """Return H x W of H x W, H x W x 1 or H x W x 3 (BGR); equal channels come back exactly."""
    if image.ndim == 3 and image.shape[2] == 1:
        return image[..., 0]
    if image.ndim == 3:
        equal = (image == image[..., :1]).all()
        return np.ascontiguousarray(image[..., 0]) if equal else cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    return image


def to_colour(image: np.ndarray) -> np.ndarray:
    """Return H x W x 3 of H x W, H x W x 1 or H x W x 3."""
    if image.ndim == 3 and image.shape[2] == 3:
        return image
    return np.repeat(image.reshape(*image.shape[:2], 1), 3, axis=2)


def in_form_of(image: np.ndarray, like: np.ndarray, bits: int | None = None,
               like_bits: int | None = None) -> np.ndarray:
    """Return an image with the channels, the type and the range of another one: floats are in 0-255.

    Args:
        image: H x W, or H x W x 3.
        like: The other one.
        bits: That the file of ``image`` holds; of ``like`` ``like_bits``. Defaults to None, those of its type.

    Example:
        >>> in_form_of(np.full((2, 2, 3), 255, np.uint8), np.zeros((2, 2), np.uint16)).max()
        np.uint16(65535)
    """
    image, largest = (to_colour if like.ndim == 3 else to_grey)(image), largest_value(like, like_bits)
    scaled = (image * (largest / largest_value(image, bits))).clip(0, largest)
    return (scaled if like.dtype.kind == 'f' else np.rint(scaled)).astype(like.dtype)


def largest_value(image: np.ndarray, bits: int | None = None) -> float:
    """Return the end of the range of an image: of the bits that its file holds, of its type, or 255 of floats."""
    if bits:
        return 2.0 ** bits - 1
    return float(np.iinfo(image.dtype).max) if image.dtype.kind == 'u' else 255.0


def image_size(path: str, backend_args: dict | None = None) -> tuple[int, int]:
    """Return (height, width) from the file's header, without decoding the image.

    Turned by the EXIF orientation, as the image itself is when it is read.

    Raises:
        ImageError: The file is missing, empty, too large, or no image.
    """
    content = read_bytes(path, backend_args) if backend_args else None
    _check_file(path)
    try:
        header = _header(io.BytesIO(content) if content else path, path)
        if header is None:  # of a kind that OpenCV reads and Pillow does not
            return read_visible(path, backend_args).shape[:2]
        with header as image:
            width, height = image.size
            # Asked for what is not in its header, a PNG would be decoded as a whole.
            known = image.format != 'PNG' or 'exif' in image.info
            turned = known and image.getexif().get(ExifTags.Base.Orientation) in _TURNED
    except (OSError, ValueError, SyntaxError) as error:  # what damaged headers end in
        raise ImageError(f'The image {path} cannot be opened ({error}). Check the path; of a data set, its data '
                         'root.') from error
    return (width, height) if turned else (height, width)


def match_sizes(
    visible: np.ndarray, infrared: np.ndarray, resize: str | None, names: tuple[str, str] = ('visible', 'infrared'),
    ways: Sequence[str] = ('visible', 'infrared'),
) -> tuple[np.ndarray, np.ndarray]:
    """Bring a pair to one size, or refuse.

    Args:
        visible: H x W x 3.
        infrared: H' x W', or a reference H' x W' x 3.
        resize: ``'visible'``: the infrared image is brought to the visible one's size; ``'infrared'``: the other
            way round; ``None``: different sizes are an error.
        names: What to call the two in the error, usually their paths.
        ways: Words for ``resize`` that the error advises.

    Raises:
        ValueError: The sizes differ and ``resize`` is None.
    """
    if visible.shape[:2] == infrared.shape[:2]:
        return visible, infrared
    if resize is None:
        (h, w), (h2, w2) = visible.shape[:2], infrared.shape[:2]
        raise InputError(
            f'The images of a pair differ in size: {names[0]} is {w} x {h}, {names[1]} is {w2} x {h2} (width x '
            f'height). If they show the same view, set {" or ".join(f"resize={way!r}" for way in ways)} in '
            'LoadPairFromFile: the size that both are brought to. If not, they must be registered first.'
        )
    target = visible if resize == 'visible' else infrared
    return _resize(visible, target.shape[:2]), _resize(infrared, target.shape[:2])


def _resize(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    if image.shape[:2] == size:
        return image
    # Area averaging where the image shrinks, so that it does not alias.
    smaller = size[0] < image.shape[0]
    return mmcv.imresize(image, size[::-1], interpolation='area' if smaller else 'bilinear')


def to_display(image: np.ndarray) -> np.ndarray:
    """Return H x W x 3 uint8 to look at.

    Deeper images are stretched from their smallest to their largest value; of other than one or three bands the mean
    is shown.
    """
    if image.ndim == 3 and image.shape[2] not in (1, 3):
        image = image.mean(2)
    image = to_colour(image)
    if image.dtype == np.uint8:
        return image
    low, high = float(image.min()), float(image.max())
    return np.rint((image - low) / max(high - low, 1e-6) * 255).astype(np.uint8)


def write_image(path: str | Path, image: np.ndarray) -> None:
    """Write an image, moved into place whole; missing folders are made.

    Args:
        path: File, of one of :data:`SUFFIXES`; without a suffix it is PNG.
        image: H x W x 3 (BGR) or H x W; uint8 or uint16.

    Raises:
        OSError: It could not be written.
    """
    suffix = Path(str(path).removesuffix(PARTIAL_SUFFIX)).suffix.lower() or '.png'
    depths = SUFFIXES.get(suffix, ())
    if image.dtype not in depths:
        what = f'of {image.dtype}' if depths else f'with the suffix {suffix}'
        raise FileNotWrittenError(f'{path}: no image {what} is written to such a file; name it '
                                  f'{Path(path).with_suffix(".png")}.')
    done, content = cv2.imencode(suffix, image, [cv2.IMWRITE_PNG_COMPRESSION, 3] if suffix == '.png' else [])
    if not done:
        raise FileNotWrittenError(
            f'{path}: OpenCV cannot write an image of shape {image.shape} and {image.dtype} to such a file.')
    with atomic_write(path, flush=False) as partial:
        partial.write_bytes(content.data)
