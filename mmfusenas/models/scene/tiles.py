"""A large image in parts, so that the memory depends on the part."""
from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from mmfusenas.core.errors import InputError

OVERLAP = 128
"""Pixels that neighbouring tiles share. Of each tile a quarter of them, at its inner borders, counts for nothing, so
that what a tile lacks there is not seen; over the next half it is blended with its neighbour."""
_MARGIN = OVERLAP // 4


def in_tiles(images: Callable[[dict[str, Tensor]], dict[str, Tensor]], inputs: dict[str, Tensor],
             tile: int) -> dict[str, Tensor]:
    """Return what ``images`` makes of the inputs, made of square parts of them, blended where they overlap.

    Where a pixel depends on no more than 32 pixels round it, the result is that of the whole image. What depends on
    all of it, such as the pooling of a channel attention, is of the part.

    Args:
        images: Takes the images of the sensors, N x C x H x W each, and returns maps of the same H x W by name.
        inputs: The images.
        tile: Height and width of the parts in pixels, at least twice ``OVERLAP``.

    Raises:
        ValueError: The tile is too small, or a map is of another size than the images.

    Example:
        >>> image = torch.rand(1, 3, 300, 200)
        >>> whole = in_tiles(lambda inputs: dict(image=inputs['visible'] * 2), dict(visible=image), tile=256)['image']
        >>> bool(torch.allclose(whole, image * 2))
        True
    """
    checked_tile(tile)
    height, width = next(iter(inputs.values())).shape[2:]
    totals: dict[str, Tensor] = {}
    weights = torch.zeros(height, width)
    for rows, row_weight in _parts(height, tile):
        for columns, column_weight in _parts(width, tile):
            weight = row_weight[:, None] * column_weight
            weights[rows, columns] += weight
            made = images({name: x[..., rows, columns] for name, x in inputs.items()})
            for name, x in made.items():
                if x.dim() != 4 or x.shape[2:] != weight.shape:
                    raise InputError(f'The network cannot be run in tiles: its {name} is {tuple(x.shape)} for a tile '
                                     f'of {tuple(weight.shape)}.')
                total = totals.setdefault(name, x.new_zeros(*x.shape[:2], height, width))
                total[..., rows, columns] += x * weight.to(x)
    return {name: total.div_(weights.to(total)) for name, total in totals.items()}


def checked_tile(tile: int) -> int:
    """Return the side of a tile; raise a ValueError where it is too small."""
    if tile < 2 * OVERLAP:
        raise InputError(f'A tile has at least {2 * OVERLAP} pixels a side, {OVERLAP} of which neighbours share; got '
                         f'{tile}.')
    return tile


def _parts(length: int, tile: int) -> Iterator[tuple[slice, Tensor]]:
    """Return the parts of a side, and the weight of each of their pixels, above 0 where it counts."""
    last = max(length - tile, 0)
    for start in sorted({*range(0, last, tile - OVERLAP), last}):
        stop = min(start + tile, length)
        place = torch.arange(start, stop, dtype=torch.float32)
        # Pixels to the nearest border that is not the image's own.
        inside = torch.minimum(place - start + 1 if start else torch.full_like(place, tile),
                               stop - place if stop < length else torch.full_like(place, tile))
        yield slice(start, stop), ((inside - _MARGIN) / _MARGIN).clamp(0, 1)
