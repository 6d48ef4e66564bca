"""Two searched operators in sequence: what every fusion cell of TIM is filled with."""
from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from mmfusenas.models.ops import build_operator
from mmfusenas.nas import Choice


class Parallel(nn.ModuleList):
    """Modules applied side by side: the i-th to the i-th input.

    Example:
        >>> x = torch.tensor([-1.0, 2.0])
        >>> [y.tolist() for y in Parallel([nn.Identity(), nn.ReLU()])(x, x)]
        [[-1.0, 2.0], [0.0, 2.0]]
    """

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        return tuple(module(x) for module, x in zip(self, inputs, strict=True))


def searched_ops(operators: Sequence[str], channels: int | Sequence[int], depth: int = 2) -> nn.ModuleList:
    """Build ``depth`` choices among ``operators``, to be applied one after the other.

    Args:
        operators: Short names of the candidates (``rb_3``).
        channels: Channels of the features. A sequence makes each choice one decision over several features side by
            side, of that many channels each, with own weights (the scales of C_MS, the frequencies of C_DC).
        depth: Number of choices in sequence. Defaults to the paper's 2.
    """

    def candidate(name: str) -> nn.Module:
        if isinstance(channels, int):
            return build_operator(name, channels)
        return Parallel(build_operator(name, width) for width in channels)

    return nn.ModuleList(Choice({name: candidate(name) for name in operators}) for _ in range(depth))


def preprocess(channels: int) -> nn.Sequential:
    """Build the first layers of C_SC and C_MS: ReLU, conv 1 x 1, BatchNorm."""
    return nn.Sequential(nn.ReLU(), nn.Conv2d(channels, channels, 1, bias=False), nn.BatchNorm2d(channels))
