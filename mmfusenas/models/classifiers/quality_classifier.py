"""Good images and poor ones, told apart."""
from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmcv.cnn import ConvModule
from mmengine.model import BaseModel
from torch import Tensor, nn

from mmfusenas.models.restorers.restoration import get_reference
from mmfusenas.models.scene.base_scene import losses_of_sizes
from mmfusenas.registry import MODELS

POOR, GOOD = 0, 1
SMOOTHING = 0.1
"""Share of the label that the other class has."""


@MODELS.register_module()
class QualityClassifier(BaseModel):
    """Classifier of image quality, whose score the loss search maximises (Zhu et al., IJCAI 2022).

    The paper has a pretrained classifier and does not describe it. Here convolutions of stride 2, a global mean
    and a linear layer learn to tell the degraded images of a data set, and references :func:`degraded` in other ways,
    from the references. By the first alone it would learn how bright good images are, and nothing else would count.
    For the same reason the labels are smoothed: a score of 0 or 1 has no gradient. There is no normalisation,
    which would take the exposure away, of all things.

    Args:
        channels: Channels of the convolutions. Defaults to (16, 32, 64, 64).
        data_preprocessor: Defaults to ``dict(type='PairDataPreprocessor')``.
        init_cfg: Initialisation, as everywhere in MMEngine.

    Shape:
        ``visible`` (poor) and ``reference`` (good) N x 3 x H x W, BGR in [0, 1], H and W at least 16. A prediction has
        ``good``, the probability of either image to be a good one, as dict(visible=..., reference=...).

    Raises:
        KeyError: In training, if there are no references.

    Example:
        >>> MODELS.build(dict(type='QualityClassifier'))(dict(visible=torch.rand(2, 3, 61, 83))).shape
        torch.Size([2, 2])
    """

    sensors = ('visible',)

    def __init__(self, channels: Sequence[int] = (16, 32, 64, 64), data_preprocessor: dict | None = None,
                 init_cfg: dict | None = None) -> None:
        super().__init__(data_preprocessor or dict(type='mmfusenas.PairDataPreprocessor'), init_cfg)
        self.features = nn.Sequential(*(
            ConvModule(i, o, 3, stride=2, padding=1)
            for i, o in zip((3, *channels), channels)))
        self.head = nn.Linear(channels[-1], 2)

    def logits(self, image: Tensor) -> Tensor:
        """Return the scores of poor and good, N x 2, of images N x 3 x H x W."""
        return self.head(self.features(image).mean((2, 3)))

    def forward(self, inputs: dict[str, Tensor], data_samples: list | None = None,
                mode: str = 'tensor') -> dict[str, Tensor] | list | Tensor:
        """Run the model; modes as of :class:`BaseScene`."""
        if mode == 'tensor':
            return self.logits(inputs['visible'])
        images = dict(visible=inputs['visible'], reference=get_reference(inputs, 'QualityClassifier'))
        if mode == 'loss':
            return losses_of_sizes(lambda maps, _: self._losses(**maps), images, inputs, data_samples)
        for i, sample in enumerate(data_samples):
            height, width = sample.metainfo['img_shape'][:2]  # a score does not depend on the batch
            sample.good = {name: float(self.logits(x[i:i + 1, :, :height, :width]).softmax(1)[0, GOOD])
                           for name, x in images.items()}
        return data_samples

    def _losses(self, visible: Tensor, reference: Tensor) -> dict[str, Tensor]:
        logits = self.logits(torch.cat([visible, degraded(reference), reference]))
        labels = torch.tensor([POOR, POOR, GOOD], device=logits.device).repeat_interleave(len(visible))
        return dict(loss_quality=F.cross_entropy(logits, labels, label_smoothing=SMOOTHING),
                    acc=(logits.argmax(1) == labels).float().mean())


def degraded(good: Tensor) -> Tensor:
    """Return good images made poor, each in one way at random: too dark or too bright, blurred, noisy, or pale.

    Shape:
        N x 3 x H x W in [0, 1] to the same, not clamped; H and W at least 8.
    """
    level = torch.rand(len(good), 1, 1, 1, device=good.device)
    dark = torch.rand_like(level) < 0.5
    grey = good.mean((1, 2, 3), keepdim=True)
    ways = torch.stack([
        good * torch.where(dark, 0.2 + 0.5 * level, 1.3 + 1.2 * level),
        F.avg_pool2d(F.pad(good, (3, 3, 3, 3), mode='reflect'), 7, stride=1),
        good + (0.03 + 0.12 * level) * torch.randn_like(good),
        grey + (0.1 + 0.5 * level) * (good - grey)])
    return ways[torch.randint(len(ways), (len(good), ), device=good.device), torch.arange(len(good))]
