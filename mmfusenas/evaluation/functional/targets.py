"""Whether what a box shows is brighter than what is round it."""
from __future__ import annotations

import torch
from torch import Tensor


def target_contrast(image: Tensor, boxes: Tensor) -> Tensor:
    """Return the mean inside each box less the mean of what surrounds it, within a box of twice its sides.

    Args:
        image: H x W, in any unit.
        boxes: M x 4 corners (x1, y1, x2, y2) in pixels.

    Returns:
        M values in the image's unit; NaN for a box with nothing inside the image, or nothing round it.

    Example:
        >>> image = torch.zeros(20, 20)
        >>> image[5:10, 5:10] = 3.0
        >>> target_contrast(image, torch.tensor([[5.0, 5.0, 10.0, 10.0]]))
        tensor([3.])
    """
    means = []
    for x1, y1, x2, y2 in boxes.tolist():
        inside = _pixels(image, x1, y1, x2, y2)
        width, height = (x2 - x1) / 2, (y2 - y1) / 2
        around = _pixels(image, x1 - width, y1 - height, x2 + width, y2 + height) & ~inside
        means.append(image[inside].mean() - image[around].mean())
    return torch.stack(means) if means else image.new_zeros(0)


def _pixels(image: Tensor, x1: float, y1: float, x2: float, y2: float) -> Tensor:
    """Return where the centres of the pixels lie in a box."""
    rows, columns = (torch.arange(size, device=image.device) + 0.5 for size in image.shape)
    return ((rows > y1) & (rows < y2)).unsqueeze(1) & ((columns > x1) & (columns < x2))
