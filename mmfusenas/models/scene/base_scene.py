"""Base class of the modules that make one image of the sensors' images."""
from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from mmengine.model import BaseModel
from mmengine.structures import BaseDataElement
from torch import Tensor, nn

from mmfusenas.core.errors import InputError, StateError
from mmfusenas.models.scene.tiles import in_tiles
from mmfusenas.registry import MODELS


class BaseScene(BaseModel):
    """Base of the scene modules, which fuse or brighten what the sensors see.

    As a model of its own it trains with its unsupervised ``loss`` and predicts ``pred_img``; inside a
    :class:`TaskGuided` model its image is what the task sees. A module that fuses defines ``fuse``: luma is fused,
    the visible chroma is kept, so colour in gives colour out. One of a single sensor defines ``images`` and
    ``losses``.

    Args:
        loss: Config of the unsupervised loss, of (fused, visible, infrared) luma unless ``losses`` is defined anew;
            None for a fixed rule that nothing trains. Defaults to None.
        data_preprocessor: Config of the preprocessor where the module is the whole model. Defaults to
            ``dict(type='PairDataPreprocessor')``.
        init_cfg: Initialisation, as everywhere in MMEngine.
    """

    sensors: tuple[str, ...] = ('visible', 'infrared')
    """Whose images the module takes."""
    tile: int | None = None
    """Side of the parts that predictions are made of (:func:`in_tiles`), in pixels; None makes them at once."""
    needs_whole_images = False
    """Whether a part of an image, or its padding, would change what is made of the rest."""

    def __init__(self, loss: dict | None = None, data_preprocessor: dict | None = None,
                 init_cfg: dict | None = None) -> None:
        super().__init__(data_preprocessor or dict(type='mmfusenas.PairDataPreprocessor'), init_cfg)
        self.loss = MODELS.build(loss) if loss else None

    def fuse(self, visible: Tensor, infrared: Tensor) -> Tensor:
        """Return the fused luma.

        Shape:
            N x 1 x H x W in [0, 1] twice, to N x 1 x H x W, not clamped.
        """
        raise NotImplementedError(f'{type(self).__name__} has no `fuse`.')

    def images(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the BGR image in [0, 1], not clamped, as ``image``, and whatever else the losses look at.

        Shape:
            ``visible`` N x 3 x H x W and ``infrared`` N x 1 x H x W, to ``image`` N x 3 x H x W, and of a scene module
            that fuses lumas these, ``visible_luma`` and ``fused_luma`` N x 1 x H x W.
        """
        return self.images_of_lumas(inputs['visible'], luma(inputs['visible']), inputs['infrared'])

    def images_of_lumas(self, visible: Tensor, visible_luma: Tensor, infrared: Tensor) -> dict[str, Tensor]:
        """Return what :meth:`images` does, of a visible image whose luma is known.

        Shape:
            ``visible`` N x 3 x H x W, the others N x 1 x H x W.
        """
        fused_luma = self.fuse(visible_luma, infrared)
        image = replace_luma(visible, fused_luma, visible_luma)
        return dict(image=image, visible_luma=visible_luma, fused_luma=fused_luma)

    def losses(self, images: dict[str, Tensor], inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the unsupervised losses of what :meth:`images` gave, an empty dict for a fixed rule."""
        if self.loss is None:
            return {}
        return self.loss(images['fused_luma'], images['visible_luma'], inputs['infrared'])

    def predict(self, images: dict[str, Tensor], data_samples: list) -> list:
        """Return the samples with what :meth:`images` gave, ``pred_img`` for one."""
        return add_pred_img(data_samples, images['image'])

    def forward(self, inputs: dict[str, Tensor], data_samples: list | None = None,
                mode: str = 'tensor') -> dict[str, Tensor] | list | Tensor:
        """Run the module as a model of its own.

        Args:
            inputs: The sensors' images, ``visible`` N x 3 x H x W and so on, in [0, 1].
            data_samples: A sample an image, with ``img_shape``: the padding of a batch counts in no loss, and is
                left out of what is predicted.
            mode: ``'tensor'`` returns images, ``'loss'`` a dict of losses, ``'predict'`` the samples with
                ``pred_img`` (uint8 H x W x 3, BGR, without the padding of the batch).

        Raises:
            RuntimeError: On any other mode.
            ValueError: If there is no loss to return.
        """
        if mode == 'tensor':
            return self.images(inputs)['image']
        if mode == 'loss':
            check_whole_images(self, inputs, data_samples)
            images = self.images(inputs)
            return checked_losses(self, losses_of_sizes(self.losses, images, inputs, data_samples))
        if mode == 'predict':
            return self.predict(self.images_of_sizes(inputs, data_samples), data_samples)
        raise StateError(f"{type(self).__name__}.forward got mode {mode!r}; it knows 'tensor', 'loss' and 'predict'.")

    def images_of_sizes(self, inputs: dict[str, Tensor], data_samples: list) -> dict[str, Tensor]:
        """Return :meth:`images` of a batch, each image computed without the padding that the batch gave it.

        So a prediction does not depend on what else is in the batch. Images of one size run at once.
        """
        if self.tile and self.needs_whole_images:
            raise InputError(f'{type(self).__name__} looks at the mean of whole images (exposure), and '
                             f'tile={self.tile} would give each part a brightness of its own: leave tile out.')
        run = partial(in_tiles, self.images, tile=self.tile) if self.tile else self.images
        batch = next(iter(inputs.values())).shape[2:]
        shapes = [tuple(sample.metainfo['img_shape'][:2]) for sample in data_samples]
        if all(shape == tuple(batch) for shape in shapes):
            return run(inputs)
        single = [run({name: x[i:i + 1, :, :height, :width] for name, x in inputs.items()})
                  for i, (height, width) in enumerate(shapes)]
        return {name: cat_padded([images[name] for images in single], batch) for name in single[0]}


def check_whole_images(scene: nn.Module, inputs: dict[str, Tensor], data_samples: list | None) -> None:
    """Raise where a batch is padded and a scene module would count the padding."""
    batch = tuple(next(iter(inputs.values())).shape[2:])
    shapes = {tuple(sample.metainfo['img_shape'][:2]) for sample in data_samples or ()}
    if getattr(scene, 'needs_whole_images', False) and shapes - {batch}:
        raise InputError(f'{type(scene).__name__} looks at the mean of whole images (exposure), and a batch of '
                         f'{batch[0]} x {batch[1]} has images of {sorted(shapes)}, padded: train with images of one '
                         'size, with batch_size=1 and no pad_size_divisor, or with exposure=None.')


def checked_losses(model: BaseModel, losses: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the losses; raise a ValueError where there are none, which a train loop would stumble over later."""
    if not any('loss' in name for name in losses):
        stage = f' in its stage {model.stage!r}' if hasattr(model, 'stage') else ''
        raise InputError(f'{type(model).__name__} has nothing to learn by{stage}: what is to learn needs a '
                         'loss=dict(...).')
    return losses


def losses_of_sizes(losses: Callable, images: dict[str, Tensor], inputs: dict[str, Tensor],
                    data_samples: list | None) -> dict[str, Tensor]:
    """Return ``losses(images, inputs)`` of a batch without its padding: the mean over images where sizes differ.

    Without data samples, which say the sizes, there is no padding.
    """
    batch = tuple(next(iter(inputs.values())).shape[2:])
    shapes = [tuple(sample.metainfo['img_shape'][:2]) for sample in data_samples or ()]
    if all(shape == batch for shape in shapes):
        return losses(images, inputs)
    single = [losses(*({name: _part(name, x[i:i + 1], shape, batch) for name, x in maps.items()}
                       for maps in (images, inputs)))
              for i, shape in enumerate(shapes)]
    return {name: torch.stack([each[name] for each in single]).mean() for name in single[0]}


def _part(name: str, x: Tensor, shape: tuple[int, int], batch: tuple[int, int]) -> Tensor:
    """Return a map without the padding of its batch, at whatever size it is; kernels and numbers as they are."""
    if x.dim() < 4 or name == 'kernel':
        return x
    height, width = (side * whole // padded for side, whole, padded in zip(shape, x.shape[2:], batch))
    return x[:, :, :height, :width]


def cat_padded(images: list[Tensor], size: tuple[int, int]) -> Tensor:
    """Return maps of several sizes (and numbers an image, as they are) as one batch, padded with zeros."""
    if images[0].dim() < 4:
        return torch.cat(images)
    return torch.cat([F.pad(x, (0, size[1] - x.shape[3], 0, size[0] - x.shape[2])) for x in images])


def add_pred_img(data_samples: list, image: Tensor) -> list:
    """Put each image, cropped to its ``img_shape``, on its sample as ``pred_img``.

    Shape:
        image: N x 3 x H x W BGR in [0, 1]; ``pred_img``: uint8 array H x W x 3.
    """
    for sample, pixels in zip(data_samples, to_uint8(image), strict=True):
        sample.pred_img = without_padding(pixels, sample)
    return data_samples


def without_padding(image: Tensor, data_sample: BaseDataElement) -> np.ndarray:
    """Return an image C x H x W of a batch as an array H x W x C of its sample's ``img_shape``."""
    height, width = data_sample.metainfo['img_shape'][:2]
    image = image[:, :height, :width].permute(1, 2, 0).detach().cpu()
    return (image.float() if image.is_floating_point() else image).numpy()


def luma(bgr: Tensor) -> Tensor:
    """Return the luma of BGR images.

    Shape:
        N x 3 x H x W, any range, to N x 1 x H x W of the same range.
    """
    blue, green, red = bgr.unbind(1)
    return (0.114 * blue + 0.587 * green + 0.299 * red).unsqueeze(1)


def replace_luma(bgr: Tensor, new_luma: Tensor, old_luma: Tensor) -> Tensor:
    """Return BGR images of the luma ``new_luma`` and the chroma of ``bgr``, whose luma is ``old_luma``.

    In full-range YCbCr the chroma planes are B - Y and R - Y up to scale, so putting them back on another luma adds
    the same difference to the three channels: no conversion, no rounding, and the gradient of every channel for the
    luma is exactly one.

    Shape:
        N x 3 x H x W and N x 1 x H x W twice, to N x 3 x H x W.

    Example:
        >>> bgr = torch.rand(1, 3, 4, 4)
        >>> torch.equal(replace_luma(bgr, luma(bgr), luma(bgr)), bgr)
        True
    """
    return bgr + (new_luma - old_luma)


def to_uint8(image: Tensor) -> Tensor:
    """Round images in [0, 1] to uint8, clamped.

    Shape:
        Any to the same, uint8 in 0-255.
    """
    return (image.detach() * 255).round().clamp(0, 255).to(torch.uint8)
