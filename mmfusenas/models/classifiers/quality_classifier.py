"""Good pictures and poor ones, told apart."""
from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmcv.cnn import ConvModule
from mmengine.model import BaseModel
from torch import Tensor, nn

from mmfusenas.models.restorers.restoration import reference_of
from mmfusenas.registry import MODELS

POOR, GOOD = 0, 1


@MODELS.register_module()
class QualityClassifier(BaseModel):
    """Classifier of picture quality, whose verdict the loss search goes by (Zhu et al., IJCAI 2022).

    The paper has a pretrained classifier and does not describe it. Here convolutions of stride 2, a global mean
    and a linear layer learn to tell the degraded pictures of a data set from their references. There is no
    normalisation, which would take the exposure away, of all things.

    Args:
        channels: Channels of the convolutions. Defaults to (16, 32, 64, 64).
        data_preprocessor: Defaults to ``dict(type='PairDataPreprocessor')``.
        init_cfg: Initialisation, as everywhere in MMEngine.

    Shape:
        ``visible`` (poor) and ``reference`` (good) N x 3 x H x W, BGR in [0, 1], H and W at least 16. A prediction has
        ``good``, the probability of either picture to be a good one, as dict(visible=..., reference=...).

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

    def logits(self, picture: Tensor) -> Tensor:
        """Return the scores of poor and good, N x 2, of pictures N x 3 x H x W."""
        return self.head(self.features(picture).mean((2, 3)))

    def forward(self, inputs: dict[str, Tensor], data_samples: list | None = None,
                mode: str = 'tensor') -> dict[str, Tensor] | list | Tensor:
        """Run the model; modes as of :class:`BaseScene`."""
        if mode == 'tensor':
            return self.logits(inputs['visible'])
        pictures = dict(visible=inputs['visible'], reference=reference_of(inputs, 'QualityClassifier'))
        logits = {name: self.logits(picture) for name, picture in pictures.items()}
        if mode == 'loss':
            return self._losses(torch.cat(list(logits.values())))
        good = {name: scores.softmax(1)[:, GOOD] for name, scores in logits.items()}
        for i, sample in enumerate(data_samples):
            sample.good = {name: float(chances[i]) for name, chances in good.items()}
        return data_samples

    def _losses(self, logits: Tensor) -> dict[str, Tensor]:
        labels = torch.tensor([POOR, GOOD], device=logits.device).repeat_interleave(len(logits) // 2)
        return dict(loss_quality=F.cross_entropy(logits, labels), acc=(logits.argmax(1) == labels).float().mean())
