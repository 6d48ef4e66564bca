"""C_SC: the successive cell of TIM's fusion network."""
from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from mmfusenas.models.cells.searched_ops import preprocess, searched_ops
from mmfusenas.registry import CELLS


@CELLS.register_module(name='successive')
class SuccessiveCell(nn.Module):
    """Successive cell (C_SC): ReLU, conv 1 x 1, BatchNorm, then two searched operators.

    Args:
        channels: Channels in and out.
        operators: Short names of the candidate operators.

    Shape:
        N x C x H x W to the same.

    Example:
        >>> cell = SuccessiveCell(channels=8, operators=['rb_3', 'ca_3'])
        >>> SearchSpace(cell).relax()
        >>> cell(torch.rand(2, 8, 61, 83)).shape
        torch.Size([2, 8, 61, 83])
    """

    def __init__(self, channels: int, operators: Sequence[str]) -> None:
        super().__init__()
        self.preprocess = preprocess(channels)
        self.ops = searched_ops(operators, channels)

    @property
    def parts(self) -> list[nn.Module]:
        """What the features go through in turn."""
        return [self.preprocess, *self.ops]

    def forward(self, x: Tensor) -> Tensor:
        for part in self.parts:
            x = part(x)
        return x
