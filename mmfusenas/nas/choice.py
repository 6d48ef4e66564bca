"""One categorical decision of a search space."""
from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from mmfusenas.core.errors import InputError, StateError
from mmfusenas.core.names import nearest


class Choice(nn.Module):
    """One categorical decision between candidate modules.

    A choice is *relaxed* (every candidate runs, outputs are summed with weights ``softmax(alpha)``; DARTS,
    TIM section 3.2) or *single-path* (one candidate runs). A new choice is neither: running it is an error, so that
    a supernet never trains as a silent uniform mixture because a search hook was forgotten.

    After :meth:`draw`, a relaxed choice in training weighs its candidates by a sample of the Gumbel-softmax instead.

    ``alpha`` is a parameter with ``requires_grad=False`` and no ``.grad``, which optimizers, weight decay,
    momentum and DistributedDataParallel all leave alone; only hyper-gradient strategies differentiate it.

    Args:
        candidates: Candidate modules by name. All take the same inputs (tensors, and numbers that say which of
            several weights to use) and return tensors (or tuples of tensors) of the same shapes.
        label: Last part of the choice's name in a search space, where the module path alone would name the thing
            that is chosen rather than the decision (``cells.0`` + ``type``). Defaults to '' (the path alone).

    Raises:
        ValueError: If there is no candidate, or a candidate's name cannot be the name of a module.
        RuntimeError: On running a choice that is neither relaxed nor selected.

    Example:
        >>> choice = Choice(dict(skip=nn.Identity(), conv=nn.Conv2d(4, 4, 3, padding=1)))
        >>> choice.relax()
        >>> choice(torch.rand(1, 4, 8, 8)).shape
        torch.Size([1, 4, 8, 8])
    """

    def __init__(self, candidates: Mapping[str, nn.Module], label: str = '') -> None:
        super().__init__()
        if not candidates:
            raise InputError('A Choice got no candidates: give at least one, as {name: module}.')
        self.candidates = tuple(candidates)
        self.label = label
        self.alpha = nn.Parameter(torch.zeros(len(self.candidates)), requires_grad=False)
        self.relaxed = False
        self.selected: str | None = None
        self.noise: Tensor | None = None
        self.temperature = 1.0
        for name, module in candidates.items():
            if not name or '.' in name or hasattr(self, name):
                raise InputError(
                    f'Candidate {name!r} of a Choice: names become attributes of the choice. They cannot be empty, '
                    'hold a dot, or be one that a module has already.'
                )
            self.add_module(name, module)

    @property
    def is_fixed(self) -> bool:
        """Whether one candidate runs alone."""
        return self.selected is not None

    def relax(self) -> None:
        """Run every candidate, weighted by ``softmax(alpha)``."""
        self.relaxed, self.selected, self.noise = True, None, None

    def draw(self, temperature: float) -> None:
        r"""Sample the weights of the candidates in training, until the next call or :meth:`relax`.

        They are :math:`\mathrm{softmax}((\alpha + G) / t)` with G from Gumbel(0, 1) (Jang et al., ICLR 2017, eq. 2), by
        torch's generator. The largest one is that of a candidate with its probability ``softmax(alpha)``, whatever the
        temperature t above 0: near 0 the weights are one-hot, at a large one equal.
        """
        self.noise = -torch.empty_like(self.alpha).exponential_().log()
        self.temperature = temperature

    def fix(self) -> str:
        """Select the candidate of the largest ``alpha``, and return its name."""
        self.select(self.best())
        return self.selected

    def select(self, candidate: str) -> None:
        """Run ``candidate`` alone.

        Raises:
            ValueError: If there is no such candidate.
        """
        if candidate not in self.candidates:
            raise InputError(
                f'A Choice has no candidate {candidate!r}{nearest(candidate, self.candidates)}. '
                f'Candidates: {list(self.candidates)}.'
            )
        self.relaxed, self.selected = False, candidate

    def probabilities(self) -> Tensor:
        """Return ``softmax(alpha)``, or the one-hot vector of a single path; shape (number of candidates,)."""
        if self.selected is None:
            return self.alpha.softmax(0)
        return torch.nn.functional.one_hot(
            torch.tensor(self.candidates.index(self.selected), device=self.alpha.device), len(self.candidates)
        ).to(self.alpha)

    def weights(self) -> Tensor:
        """Return what the candidates are weighted with where the choice is relaxed: probabilities, or their sample."""
        if self.noise is None or not self.training:
            return self.alpha.softmax(0)
        return ((self.alpha + self.noise) / self.temperature).softmax(0)

    def best(self) -> str:
        """Return the selected candidate, or the one of the largest ``alpha`` (the first of equals)."""
        return self.selected or self.candidates[int(self.alpha.argmax())]

    def derived(self, candidate: str) -> nn.Module:
        """Return the module that stands in the choice's place in a derived network: the candidate."""
        return self.get_submodule(candidate)

    def forward(self, *inputs: Tensor) -> Tensor | tuple[Tensor, ...]:
        if self.selected is not None:
            return self.get_submodule(self.selected)(*inputs)
        if not self.relaxed:
            raise StateError(
                f'A choice among {list(self.candidates)} is neither relaxed nor fixed: this model is a supernet. '
                'Search it with BilevelSearchHook in default_hooks, or pass genotype= to build a derived network.'
            )
        weights = self.weights()
        outputs = [self.get_submodule(name)(*inputs) for name in self.candidates]
        if isinstance(outputs[0], Tensor):
            return _weighted_sum(weights, outputs)
        return tuple(_weighted_sum(weights, column) for column in zip(*outputs, strict=True))

    def extra_repr(self) -> str:
        return f'candidates={self.candidates}, selected={self.selected!r}'


def _weighted_sum(weights: Tensor, outputs: list[Tensor] | tuple[Tensor, ...]) -> Tensor:
    return sum(weight * output for weight, output in zip(weights, outputs, strict=True))
