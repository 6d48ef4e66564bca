"""What every module that fuses two pictures shares."""
from __future__ import annotations

from abc import abstractmethod

from mmengine.model import BaseModel
from torch import Tensor

from mmfusenas.models.utils.color import luma, replace_luma, to_uint8
from mmfusenas.registry import MODELS


class BaseFusion(BaseModel):
    """Base of the scene modules that fuse a visible and an infrared picture.

    Luma is fused, the visible chroma is kept: colour in gives colour out. As a model of its own it trains with the
    unsupervised ``loss`` and predicts ``fused_img``; inside a :class:`TaskGuidedDetector` its picture is what the
    detector sees.

    Args:
        loss: Config of the unsupervised loss of (fused, visible, infrared) luma; None for a fixed rule that nothing
            trains. Defaults to None.
        data_preprocessor: Config of the preprocessor where the module is the whole model. Defaults to
            ``dict(type='PairDataPreprocessor')``.
        init_cfg: Initialisation, as everywhere in MMEngine.
    """

    def __init__(self, loss: dict | None = None, data_preprocessor: dict | None = None,
                 init_cfg: dict | None = None) -> None:
        super().__init__(data_preprocessor or dict(type='mmfusenas.PairDataPreprocessor'), init_cfg)
        self.fusion_loss = MODELS.build(loss) if loss else None

    @abstractmethod
    def fuse(self, visible: Tensor, infrared: Tensor) -> Tensor:
        """Return the fused luma.

        Shape:
            N x 1 x H x W in [0, 1] twice, to N x 1 x H x W, not clamped.
        """

    def pictures(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the fused BGR picture in [0, 1], not clamped, as ``picture``, and whatever else the losses look at.

        Shape:
            ``visible`` N x 3 x H x W and ``infrared`` N x 1 x H x W, to ``picture`` N x 3 x H x W.
        """
        visible = inputs['visible']
        return dict(picture=replace_luma(visible, self.fuse(luma(visible), inputs['infrared'])))

    def losses(self, pictures: dict[str, Tensor], inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the unsupervised losses of what :meth:`pictures` gave, an empty dict for a fixed rule."""
        if self.fusion_loss is None:
            return {}
        return self.fusion_loss(luma(pictures['picture']), luma(inputs['visible']), inputs['infrared'])

    def predict(self, pictures: dict[str, Tensor], data_samples: list) -> list:
        """Return the samples with what :meth:`pictures` gave, ``fused_img`` for one."""
        return add_fused_img(data_samples, pictures['picture'])

    def forward(self, inputs: dict[str, Tensor], data_samples: list | None = None,
                mode: str = 'tensor') -> dict[str, Tensor] | list | Tensor:
        """Run the module as a model of its own.

        Args:
            inputs: ``visible`` N x 3 x H x W and ``infrared`` N x 1 x H x W, in [0, 1].
            data_samples: A sample a picture, with ``img_shape``; used by ``predict``.
            mode: ``'tensor'`` returns pictures, ``'loss'`` a dict of losses, ``'predict'`` the samples with
                ``fused_img`` (uint8 H x W x 3, BGR, without the padding of the batch).

        Raises:
            RuntimeError: On any other mode.
        """
        pictures = self.pictures(inputs)
        if mode == 'tensor':
            return pictures['picture']
        if mode == 'loss':
            return self.losses(pictures, inputs)
        if mode == 'predict':
            return self.predict(pictures, data_samples)
        raise RuntimeError(f"{type(self).__name__}.forward got mode {mode!r}; it knows 'tensor', 'loss' and 'predict'.")


def add_fused_img(data_samples: list, picture: Tensor) -> list:
    """Put each picture, cropped to its ``img_shape``, on its sample as ``fused_img``.

    Shape:
        picture: N x 3 x H x W BGR in [0, 1]; ``fused_img``: uint8 array H x W x 3.
    """
    for sample, image in zip(data_samples, to_uint8(picture), strict=True):
        height, width = sample.metainfo['img_shape'][:2]
        sample.fused_img = image[:, :height, :width].permute(1, 2, 0).cpu().numpy()
    return data_samples
