"""The inner loss of the hyper-guided restoration."""
from __future__ import annotations

from torch import Tensor, nn

from mmfusenas.core.errors import MissingKeyError
from mmfusenas.registry import MODELS


@MODELS.register_module()
class GuidanceLoss(nn.Module):
    """The inner objective g: every stage's guidance map to the true one, and its total variation.

    As an upper loss of :class:`BilevelSearchHook` it trains the proxies alone, in alternation with the rest.

    Args:
        weight: Weight of the mean squared error to the true map. Defaults to 100.0.
        tv: Weight of the total variation. Defaults to 0.0; the paper's option is 0.1.

    Shape:
        ``guidance`` N x K C x H x W and ``truth`` N x C x H x W of the model's images; result: dict of scalars, means
        over the pixels summed over the stages.

    Raises:
        KeyError: If the model has no proxy, is not in training mode, or the true guidance is not known.

    Example:
        >>> images = dict(guidance=torch.zeros(1, 5, 8, 8), truth=torch.full((1, 1, 8, 8), 0.1))
        >>> round(float(GuidanceLoss()(images, {})['loss_guidance']), 4)
        5.0
    """

    def __init__(self, weight: float = 100.0, tv: float = 0.0) -> None:
        super().__init__()
        self.weight, self.tv = weight, tv

    def forward(self, images: dict[str, Tensor], inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        if 'guidance' not in images:
            raise MissingKeyError(
                f'GuidanceLoss looks at guidance; the model gives {sorted(images)}. Give its stages a '
                "proxy: proxy=dict(type='GuidanceProxy').")
        if images.get('truth') is None:
            raise MissingKeyError(
                'GuidanceLoss compares with the true guidance, which the model does not give. It does in '
                "training mode; a level of noise is known where the inputs have 'noise' (BlurAndNoise).")
        maps = images['guidance'].unflatten(1, (-1, images['truth'].shape[1]))
        losses = dict(loss_guidance=self.weight * (
            maps - images['truth'][:, None]).square().mean((0, 2, 3, 4)).sum())
        if self.tv:
            variation = maps.diff(dim=-1).abs().mean((0, 2, 3, 4)) + maps.diff(dim=-2).abs().mean((0, 2, 3, 4))
            losses['loss_guidance_tv'] = self.tv * variation.sum()
        return losses
