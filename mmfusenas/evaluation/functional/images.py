"""Checks and conversions of the images that metrics compare."""
from __future__ import annotations

from torch import Tensor

from mmfusenas.core.errors import InputError


def as_double(*images: Tensor, side: int = 1) -> list[Tensor]:
    """Return images in double precision, after a look at their shapes and values.

    Metrics are sums of many small numbers, some of them differences of large ones: in single precision VIF and SCD
    would lose their third digit on flat images.

    Args:
        *images: Images of one shape, of any real dtype.
        side: Smallest height and width that the metric can do with. Defaults to 1.

    Raises:
        ValueError: The shapes differ or are not N x 1 x H x W, an image is too small, or the values are not in
            [0, 255].
    """
    shapes = [tuple(image.shape) for image in images]
    if len(set(shapes)) > 1 or len(shapes[0]) != 4 or shapes[0][1] != 1:
        raise InputError(f'The images of a fusion metric have the shapes {shapes}; give N x 1 x H x W, all the same.')
    if min(shapes[0][2:]) < side:
        raise InputError(f'Images of {shapes[0][3]} x {shapes[0][2]} pixels (width x height) are too small for this '
                         f'metric, which needs {side} on each side.')
    images = [image.double() for image in images]
    for name, image in zip(('fused', 'first', 'second'), images):
        low, high = image.aminmax()
        if not (low >= 0 and high <= 255):
            raise InputError(f'The {name} images of a fusion metric reach from {low:g} to {high:g}; they have to '
                             'be in [0, 255]. Round and clamp what a network gives.')
        if 0 < high <= 1 and bool((image != image.round()).any()):
            raise InputError(f'The {name} images of a fusion metric are fractions up to {high:g}: scaled to [0, 1]? '
                             'Multiply them by 255.')
    return images


def filtered(images: Tensor, taps: Tensor) -> Tensor:
    """Filter along both sides, without padding; in double precision sums are many times faster than convolutions.

    Shape:
        N x 1 x H x W and T taps to N x 1 x (H - T + 1) x (W - T + 1).
    """
    for dim in (2, 3):
        length = images.shape[dim] - len(taps) + 1
        images = sum(tap * images.narrow(dim, start, length) for start, tap in enumerate(taps))
    return images
