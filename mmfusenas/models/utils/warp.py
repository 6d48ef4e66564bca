"""Moving images by a field of displacements."""
from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def warp(images: Tensor, flow: Tensor) -> Tensor:
    """Return the images looked up at displaced places: ``out(p) = images(p + flow(p))``, bilinear.

    Places outside an image take the nearest pixel of its border.

    Shape:
        N x C x H x W and N x 2 x H x W (x, y, in pixels), to N x C x H x W.

    Example:
        >>> shift = torch.zeros(1, 2, 3, 4)
        >>> shift[:, 0] = 1
        >>> warp(torch.arange(4.0).expand(1, 1, 3, 4), shift)[0, 0, 0].tolist()
        [1.0, 2.0, 3.0, 3.0]
    """
    height, width = images.shape[2:]
    if flow.dtype in (torch.float16, torch.bfloat16):  # under autocast; places need more digits
        images, flow = images.float(), flow.float()
    y, x = torch.meshgrid(torch.arange(height, dtype=flow.dtype, device=flow.device),
                          torch.arange(width, dtype=flow.dtype, device=flow.device), indexing='ij')
    places = torch.stack([x + flow[:, 0], y + flow[:, 1]], 3)
    limits = places.new_tensor([max(width - 1, 1), max(height - 1, 1)])
    return F.grid_sample(images, places / limits * 2 - 1, padding_mode='border', align_corners=True)
