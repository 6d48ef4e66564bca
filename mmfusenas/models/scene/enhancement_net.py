"""N_T: the parallel enhancement network of TIM."""
from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmfusenas.core.errors import InputError
from mmfusenas.models.cells.build import build_cell
from mmfusenas.models.scene.tim_layers import OPERATORS_TIM, conv3, head, stem
from mmfusenas.models.utils.checkpointed import checkpointed
from mmfusenas.nas import GenotypeSource, Searchable
from mmfusenas.registry import MODELS

MERGES = ('attention', 'concat')


@MODELS.register_module()
class EnhancementNet(Searchable, BaseModule):
    """The parallel network N_T for visual enhancement (TIM section 4.2).

    Two branches look at the fused image, each beside one source: ``detail`` beside the first, ``target`` beside the
    second. Each is a stem (conv 3 x 3, 2 -> 2C, PReLU, conv 3 x 3, 2C -> C, BatchNorm, PReLU), searched successive
    cells, and a head of its own that ends in tanh: the images of details and of targets, which the loss holds to
    the sources. Their features are merged into the final image.

    Args:
        genotype: None builds the supernet; a published name (``'tim-enhance'``, ``'tim-mri-ct'``, ``'tim-mri-pet'``,
            ``'tim-mri-spect'``), a file, a dict or a Genotype builds the derived network.
        merge: ``'attention'``: a map of the detail features (channel maximum twice and mean, conv 1 x 1, sigmoid)
            blends the two, and the last head (conv 3 x 3, C -> C, conv 3 x 3, C -> C/2, conv 1 x 1) ends without
            activation: the infrared-visible form. ``'concat'``: the head takes both, 2C, and ends in tanh: the
            medical form.
        channels: C. Defaults to 48.
        num_cells: Cells a branch. Defaults to 2.
        operators: Short names of the candidate operators. Defaults to the paper's twelve.
        with_cp: As of :class:`TIMFusion`. Defaults to False.
        init_cfg: Initialisation, as everywhere in MMEngine.

    Shape:
        N x 1 x H x W three times, to a dict of ``enhanced``, ``detail`` and ``target``, each N x 1 x H x W.

    Raises:
        ValueError: If the genotype is of another space, a candidate is unknown, or ``merge`` is another word.

    Example:
        >>> net = EnhancementNet(genotype='tim-enhance')
        >>> sum(p.numel() for p in net.parameters())
        237308
        >>> sorted(net(*torch.rand(3, 1, 1, 61, 83)))
        ['detail', 'enhanced', 'target']
    """

    def __init__(self, genotype: GenotypeSource | None = None, merge: str = 'attention', channels: int = 48,
                 num_cells: int = 2, operators: Sequence[str] = OPERATORS_TIM, with_cp: bool = False,
                 init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg)
        if merge not in MERGES:
            raise InputError(f'EnhancementNet got merge={merge!r}; it knows {MERGES}.')
        self.merge, self.with_cp = merge, with_cp
        self.detail = _branch(channels, num_cells, operators)
        self.target = _branch(channels, num_cells, operators)
        if merge == 'attention':
            self.attention = nn.Conv2d(3, 1, 1, bias=False)
        width = channels if merge == 'attention' else 2 * channels
        self.head = nn.Sequential(
            conv3(width, channels), conv3(channels, channels // 2), nn.Conv2d(channels // 2, 1, 1))
        self.specialize(genotype)

    def forward(self, first: Tensor, second: Tensor, fused: Tensor) -> dict[str, Tensor]:
        features = [self._run((branch['stem'], *branch['cells']), torch.cat([source, fused], 1))
                    for branch, source in ((self.detail, first), (self.target, second))]
        merged = self._blend(*features) if self.merge == 'attention' else torch.cat(features, 1)
        heads = (self.detail['head'], self.target['head'], self.head)
        detail, target, enhanced = (self._run([head], x) for head, x in zip(heads, (*features, merged)))
        return dict(enhanced=enhanced if self.merge == 'attention' else enhanced.tanh(),
                    detail=detail.tanh(), target=target.tanh())

    def _run(self, layers: Iterable[nn.Module], x: Tensor) -> Tensor:
        for layer in layers:
            x = checkpointed(layer, x) if self.with_cp else layer(x)
        return x

    def _blend(self, detail: Tensor, target: Tensor) -> Tensor:
        maximum = detail.amax(1, keepdim=True)
        # The authors' network reads the maximum twice.
        weight = self.attention(torch.cat([maximum, maximum, detail.mean(1, keepdim=True)], 1)).sigmoid()
        return weight * detail + (1 - weight) * target


def _branch(channels: int, num_cells: int, operators: Sequence[str]) -> nn.ModuleDict:
    cells = (build_cell('successive', channels=channels, operators=operators) for _ in range(num_cells))
    return nn.ModuleDict(dict(stem=stem(channels, norm=True), cells=nn.Sequential(*cells), head=head(channels)))
