"""What every module that makes one picture of the sensors' pictures shares."""
from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from mmengine.model import BaseModel
from mmengine.structures import BaseDataElement
from torch import Tensor

from mmfusenas.core.errors import InputError, StateError
from mmfusenas.models.utils.color import luma, replace_luma, to_uint8
from mmfusenas.registry import MODELS


class BaseScene(BaseModel):
    """Base of the scene modules, which fuse or brighten what the sensors see.

    As a model of its own it trains with its unsupervised ``loss`` and predicts ``fused_img``; inside a
    :class:`TaskGuided` model its picture is what the task sees. A module that fuses defines ``fuse``: luma is fused,
    the visible chroma is kept, so colour in gives colour out. One of a single sensor defines ``pictures`` and
    ``losses``.

    Args:
        loss: Config of the unsupervised loss, of (fused, visible, infrared) luma unless ``losses`` is defined anew;
            None for a fixed rule that nothing trains. Defaults to None.
        data_preprocessor: Config of the preprocessor where the module is the whole model. Defaults to
            ``dict(type='PairDataPreprocessor')``.
        init_cfg: Initialisation, as everywhere in MMEngine.
    """

    sensors: tuple[str, ...] = ('visible', 'infrared')
    """Whose pictures the module takes."""

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

    def pictures(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the BGR picture in [0, 1], not clamped, as ``picture``, and whatever else the losses look at.

        Shape:
            ``visible`` N x 3 x H x W and ``infrared`` N x 1 x H x W, to ``picture`` N x 3 x H x W.
        """
        visible = inputs['visible']
        return dict(picture=replace_luma(visible, self.fuse(luma(visible), inputs['infrared'])))

    def losses(self, pictures: dict[str, Tensor], inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the unsupervised losses of what :meth:`pictures` gave, an empty dict for a fixed rule."""
        if self.loss is None:
            return {}
        return self.loss(luma(pictures['picture']), luma(inputs['visible']), inputs['infrared'])

    def predict(self, pictures: dict[str, Tensor], data_samples: list) -> list:
        """Return the samples with what :meth:`pictures` gave, ``fused_img`` for one."""
        return add_fused_img(data_samples, pictures['picture'])

    def forward(self, inputs: dict[str, Tensor], data_samples: list | None = None,
                mode: str = 'tensor') -> dict[str, Tensor] | list | Tensor:
        """Run the module as a model of its own.

        Args:
            inputs: The sensors' pictures, ``visible`` N x 3 x H x W and so on, in [0, 1].
            data_samples: A sample a picture, with ``img_shape``: the padding of a batch counts in no loss, and is
                left out of what is predicted.
            mode: ``'tensor'`` returns pictures, ``'loss'`` a dict of losses, ``'predict'`` the samples with
                ``fused_img`` (uint8 H x W x 3, BGR, without the padding of the batch).

        Raises:
            RuntimeError: On any other mode.
            ValueError: If there is no loss to return.
        """
        if mode == 'tensor':
            return self.pictures(inputs)['picture']
        if mode == 'loss':
            pictures = self.pictures(inputs)
            return checked_losses(self, losses_of_sizes(self.losses, pictures, inputs, data_samples))
        if mode == 'predict':
            return self.predict(self.pictures_of_sizes(inputs, data_samples), data_samples)
        raise StateError(f"{type(self).__name__}.forward got mode {mode!r}; it knows 'tensor', 'loss' and 'predict'.")

    def pictures_of_sizes(self, inputs: dict[str, Tensor], data_samples: list) -> dict[str, Tensor]:
        """Return :meth:`pictures` of a batch, each picture computed without the padding that the batch gave it.

        So a prediction does not depend on what else is in the batch. Pictures of one size run at once.
        """
        batch = next(iter(inputs.values())).shape[2:]
        shapes = [tuple(sample.metainfo['img_shape'][:2]) for sample in data_samples]
        if all(shape == tuple(batch) for shape in shapes):
            return self.pictures(inputs)
        single = [self.pictures({name: x[i:i + 1, :, :height, :width] for name, x in inputs.items()})
                  for i, (height, width) in enumerate(shapes)]
        return {name: cat_padded([pictures[name] for pictures in single], batch) for name in single[0]}


def checked_losses(model: BaseModel, losses: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the losses; raise a ValueError where there are none, which a train loop would stumble over later."""
    if not losses:
        stage = f' in its stage {model.stage!r}' if hasattr(model, 'stage') else ''
        raise InputError(f'{type(model).__name__} has nothing to learn by{stage}: what is to learn needs a '
                         'loss=dict(...).')
    return losses


def losses_of_sizes(losses: Callable, pictures: dict[str, Tensor], inputs: dict[str, Tensor],
                    data_samples: list | None) -> dict[str, Tensor]:
    """Return ``losses(pictures, inputs)`` of a batch without its padding: the mean over pictures where sizes differ.

    Without data samples, which say the sizes, there is no padding.
    """
    batch = tuple(next(iter(inputs.values())).shape[2:])
    shapes = [tuple(sample.metainfo['img_shape'][:2]) for sample in data_samples or ()]
    if all(shape == batch for shape in shapes):
        return losses(pictures, inputs)
    single = [losses(*({name: _part(name, x[i:i + 1], shape, batch) for name, x in maps.items()}
                       for maps in (pictures, inputs)))
              for i, shape in enumerate(shapes)]
    return {name: torch.stack([each[name] for each in single]).mean() for name in single[0]}


def _part(name: str, x: Tensor, shape: tuple[int, int], batch: tuple[int, int]) -> Tensor:
    """Return a map without the padding of its batch, at whatever size it is; kernels and numbers as they are."""
    if x.dim() < 4 or name == 'kernel':
        return x
    height, width = (side * whole // padded for side, whole, padded in zip(shape, x.shape[2:], batch))
    return x[:, :, :height, :width]


def cat_padded(pictures: list[Tensor], size: tuple[int, int]) -> Tensor:
    """Return maps of several sizes (and numbers a picture, as they are) as one batch, padded with zeros."""
    if pictures[0].dim() < 4:
        return torch.cat(pictures)
    return torch.cat([F.pad(x, (0, size[1] - x.shape[3], 0, size[0] - x.shape[2])) for x in pictures])


def add_fused_img(data_samples: list, picture: Tensor) -> list:
    """Put each picture, cropped to its ``img_shape``, on its sample as ``fused_img``.

    Shape:
        picture: N x 3 x H x W BGR in [0, 1]; ``fused_img``: uint8 array H x W x 3.
    """
    for sample, image in zip(data_samples, to_uint8(picture), strict=True):
        sample.fused_img = without_padding(image, sample)
    return data_samples


def without_padding(picture: Tensor, data_sample: BaseDataElement) -> np.ndarray:
    """Return a picture C x H x W of a batch as an array H x W x C of its sample's ``img_shape``."""
    height, width = data_sample.metainfo['img_shape'][:2]
    picture = picture[:, :height, :width].permute(1, 2, 0).detach().cpu()
    return (picture.float() if picture.is_floating_point() else picture).numpy()
