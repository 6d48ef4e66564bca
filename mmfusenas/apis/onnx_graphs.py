"""What a graph of an export computes: images, and what a segmentor makes of them."""
from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from unittest.mock import patch

import torch
from torch import Tensor, nn
from torch.nn.modules.utils import _pair

from mmfusenas.models.task_guided import task_input
from mmfusenas.utils.sensors import random_inputs

_pool = nn.functional.adaptive_avg_pool2d


class FusionGraph(nn.Module):
    """The sensors' images in [0, 1] to the scene module's BGR image in [0, 1].

    Args:
        model: A scene module (fusion, enhancement).

    Shape:
        ``visible`` N x 3 x H x W and, of a pair, ``infrared`` N x 1 x H x W, to ``image`` N x 3 x H x W.
    """

    outputs = ('image',)
    axes = dict(image={0: 'images', 2: 'height', 3: 'width'})

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.scene = model

    def forward(self, *images: Tensor) -> Tensor | tuple[Tensor, ...]:
        return self.scene.images(dict(zip(self.scene.sensors, images, strict=True)))['image'].clamp(0, 1)

    def random(self, number: int, shape: tuple[int, int]) -> dict[str, Tensor]:
        """Return random images of the sensors, the same each time."""
        inputs = random_inputs(self.scene, shape, number)
        return {name: inputs[name] for name in self.scene.sensors}


class GuidedGraph(FusionGraph):
    """Guide in [0, 1] and target, enlarged and scaled to [0, 1] of its range, to the target in high resolution.

    Shape:
        ``guide`` N x G x H x W and ``target`` N x T x H x W, to ``restored`` N x T x H x W, scaled as the target and
        not clamped.
    """

    outputs = ('restored',)

    def forward(self, *images: Tensor) -> Tensor:
        return self.scene.images(dict(zip(self.scene.sensors, images, strict=True)))['restored']


class TaskGraph(FusionGraph):
    """The same, and the task on what it sees, normalised and padded as its own preprocessor does."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__(model.scene)
        self.task, self.seen = model.task, model.seen
        preprocessor = self.task.data_preprocessor
        self.divisor = pad_divisor(preprocessor)
        self.pad_value = float(getattr(preprocessor, 'pad_value', getattr(preprocessor, 'pad_val', 0)))

    def image_and_input(self, images: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Return the fused image, and what the task sees, normalised and padded."""
        inputs = dict(zip(self.scene.sensors, images, strict=True))
        made = self.scene.images(inputs)
        seen = task_input(self.task, self.seen(made, inputs).clamp(0, 1))
        if self.divisor > 1:
            down, right = (-side % self.divisor for side in seen.shape[-2:])  # in a trace values of the graph
            seen = nn.functional.pad(seen, (0, right, 0, down), value=self.pad_value)
        return made['image'].clamp(0, 1), seen


class SegmentationGraph(TaskGraph):
    """The fused image, and the scores of every class at every pixel.

    The heads predict by themselves, of the whole image (``encode_decode``). One score a pixel, that of a head of two
    classes with ``out_channels=1``, becomes two, of which the second is larger above the head's ``threshold``.

    Shape:
        ``logits`` N x classes x H x W.
    """

    outputs = ('image', 'logits')

    def __init__(self, model: nn.Module) -> None:
        super().__init__(model)
        for module in self.task.modules():
            kind = f'{type(module).__module__}.{type(module).__name__}'
            if kind == 'mmseg.models.utils.wrappers.Upsample' and not module.size:  # it makes its size a constant
                module.forward = partial(
                    nn.functional.interpolate, scale_factor=module.scale_factor, mode=module.mode,
                    align_corners=module.align_corners)
            elif kind == 'mmcv.ops.psa_mask.PSAMask':
                module.forward = partial(attention_masks, size=module.mask_size, collect=module.psa_type == 'collect')
            elif kind == 'mmseg.models.decode_heads.ham_head.LightHamHead':
                draw_bases(module)

    def forward(self, *images: Tensor) -> tuple[Tensor, ...]:
        image, seen = self.image_and_input(images)
        height, width = image.shape[-2:]
        size = tuple(seen.shape[-2:])  # in a trace these are values of the graph
        if type(self.task.decode_head).__name__ == 'MaskFormerHead':
            size = tuple(int(side) for side in size)  # it writes into a mask up to them, which no graph can
        with patch.object(nn.functional, 'adaptive_avg_pool2d', pool_in_cells), patch.object(torch, 'diag', _diagonal):
            metas = [dict(img_shape=size, pad_shape=size)] * len(seen)
            logits = self.task.encode_decode(seen, metas)[..., :height, :width]
        if self.task.out_channels == 1:
            threshold = torch.logit(torch.tensor(float(self.task.decode_head.threshold)))
            logits = torch.cat([threshold.expand_as(logits), logits], 1)
        return image, logits


def pool_in_cells(x: Tensor, output_size: int | None | tuple[int | None, int | None]) -> Tensor:
    """Do as ``adaptive_avg_pool2d``, cell by cell: ONNX has none into cells of unequal size, as PSPNet's.

    The cells are those of the size that is traced. ``output_size`` is rows and columns; None is as many as there are.
    """
    if _pair(output_size) == (1, 1):
        return _pool(x, 1)
    for dim, cells in zip((-2, -1), _pair(output_size)):
        side = int(x.shape[dim])
        cells = cells or side
        bounds = [(side * cell // cells, math.ceil(side * (cell + 1) / cells)) for cell in range(cells)]
        x = torch.cat([x.narrow(dim, low, high - low).mean(dim, keepdim=True) for low, high in bounds], dim)
    return x


def _diagonal(values: Tensor, diagonal: int = 0) -> Tensor:
    """Do as ``torch.diag`` of a vector, which ONNX has not; the attention of CCNet takes the main diagonal alone."""
    return torch.where(torch.eye(values.shape[0]) > 0, values, torch.zeros(()))


def attention_masks(x: Tensor, size: tuple[int, int], collect: bool) -> Tensor:
    """Do as ``PSAMask`` of mmcv, an operator that ONNX has not, for maps of the size that is traced.

    Args:
        x: Weights of every pixel's neighbours, N x (rows * columns of ``size``) x H x W; the middle is the pixel's own.
        size: Rows and columns of neighbours.
        collect: Whether a pixel takes from its neighbours, rather than gives to them.

    Returns:
        Weight of every pixel (dimension 1) for every pixel, N x H*W x H x W, 0 of what is no neighbour.
    """
    rows, columns = (int(side) for side in x.shape[-2:])
    place = torch.stack(torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing='ij'), -1).flatten(0, 1)
    offset = place[:, None] - place[None] + (torch.tensor(size) - 1) // 2  # of a row's pixel from a column's
    near = ((offset >= 0) & (offset < torch.tensor(size))).all(-1)
    index = (offset[..., 0] * size[1] + offset[..., 1]).where(near, torch.zeros((), dtype=torch.long))
    masks = x.flatten(2).gather(1, index.expand(len(x), -1, -1)) * near
    return (masks if collect else masks.transpose(1, 2)).reshape(len(x), rows * columns, rows, columns)


def draw_bases(head: nn.Module) -> None:
    """Give a ``LightHamHead`` (SegNeXt) bases that stay: by default it draws others for every image."""
    ham = head.hamburger.ham
    if ham.rand_init or not hasattr(ham, 'bases'):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            bases = ham._build_bases(1, ham.S, head.ham_channels // ham.S, ham.R, device='cpu')
        ham.rand_init = False
        ham.register_buffer('bases', bases)


def pad_divisor(preprocessor: nn.Module) -> int:
    """Return what a prediction's sides are padded to a multiple of; mmseg does so only where `test_cfg` says it."""
    if hasattr(preprocessor, 'test_cfg'):
        return int((preprocessor.test_cfg or {}).get('size_divisor') or 1)
    return int(getattr(preprocessor, 'pad_size_divisor', None) or 1)
