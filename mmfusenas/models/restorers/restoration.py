"""Restoration of single images, learned from pairs of poor and good ones."""
from __future__ import annotations

from torch import Tensor

from mmfusenas.core.errors import MissingKeyError
from mmfusenas.models.scene.base_scene import BaseScene
from mmfusenas.registry import MODELS


@MODELS.register_module()
class Restoration(BaseScene):
    """A network that makes a good image of a poor one: low light, haze, under water.

    Args:
        net: Config of the network, RGB to RGB, such as a :class:`HadamardNet`; None gives back the input, to compare
            with.
        loss: Config of the loss to the reference, a :class:`RestorationLoss`.
        data_preprocessor, init_cfg: As in :class:`BaseScene`.

    Shape:
        ``visible`` and ``image`` N x 3 x H x W, BGR in [0, 1], the image not clamped.

    Raises:
        KeyError: In training, if there is no reference.

    Example:
        >>> model = MODELS.build(dict(type='Restoration', net=dict(type='HadamardNet', genotype='hadamard-lol')))
        >>> model(dict(visible=torch.rand(1, 3, 61, 83))).shape
        torch.Size([1, 3, 61, 83])
    """

    sensors = ('visible',)

    def __init__(self, net: dict | None, loss: dict | None = None, data_preprocessor: dict | None = None,
                 init_cfg: dict | None = None) -> None:
        super().__init__(loss, data_preprocessor, init_cfg)
        self.net = MODELS.build(net) if net else None

    def images(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        visible = inputs['visible']
        return dict(image=visible if self.net is None else self.net(visible.flip(1)).flip(1))

    def losses(self, images: dict[str, Tensor], inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        if self.loss is None:
            return {}
        return self.loss(images['image'].flip(1), get_reference(inputs, 'Restoration').flip(1))


def get_reference(inputs: dict[str, Tensor], model: str) -> Tensor:
    """Return the reference images that a model learns from, or raise a KeyError that says how to get them."""
    if 'reference' not in inputs:
        raise MissingKeyError(f'{model} learns from references; the inputs are {sorted(inputs)}. Give the data set a '
                              "folder of them, data_prefix=dict(img='low', reference='high'), or a step like Darken.")
    return inputs['reference']
