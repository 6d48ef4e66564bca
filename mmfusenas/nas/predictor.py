"""Which paths of a supernet will do well, learned from some that were tried."""
from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmfusenas.core.errors import InputError


class PathPredictor(nn.Module):
    """Scores of paths under a constraint, by a bidirectional GRU (DCNAS eqs. 13-16, fig. 6).

    The candidate of every choice is embedded, the GRU runs over the choices in the order of the space, and a perceptron
    turns the mean of its states and the embedded constraint into a number: the higher, the better the path. Only the
    order counts where the predictor learns by rank.

    Args:
        sizes: Number of candidates of every choice.
        embedding: Length of the vector of a candidate and of the constraint. Defaults to 32.
        hidden: Units of the GRU in each direction and of the perceptron. Defaults to 64.

    Shape:
        paths N x L, integers; used N x L, whether a choice counts (:meth:`PathSampler.active`); constraint N, in any
        unit of order one; to N scores.

    Example:
        >>> predictor = PathPredictor([16] * 52)
        >>> paths = torch.randint(16, (5, 52))
        >>> predictor(paths, torch.ones_like(paths, dtype=torch.bool), torch.rand(5)).shape
        torch.Size([5])
    """

    def __init__(self, sizes: Sequence[int], embedding: int = 32, hidden: int = 64) -> None:
        super().__init__()
        offsets = torch.tensor([0, *sizes]).cumsum(0) + 1  # 0 is a choice that does not count
        self.register_buffer('offsets', offsets[:-1], persistent=False)
        self.embedding = nn.Embedding(int(offsets[-1]), embedding)
        # Large random vectors would tell every path from every other: it would be learned by heart.
        nn.init.normal_(self.embedding.weight, std=0.05)
        self.constraint = nn.Linear(1, embedding)
        self.gru = nn.GRU(embedding, hidden, batch_first=True, bidirectional=True)
        self.perceptron = nn.Sequential(nn.Linear(2 * hidden + embedding, hidden), nn.ReLU(), nn.Linear(hidden, 1))

    def forward(self, paths: Tensor, used: Tensor, constraint: Tensor) -> Tensor:
        tokens = torch.where(used, paths + self.offsets, 0)
        states = self.gru(self.embedding(tokens))[0].mean(1)
        return self.perceptron(torch.cat([states, self.constraint(constraint.float()[:, None])], 1))[:, 0]


def ranking_loss(scores: Tensor, truth: Tensor, margin: float = 0.1) -> Tensor:
    r"""Pairwise hinge loss (DCNAS eq. 17): :math:`(\epsilon - (s_i - s_j)\,\mathrm{sign}(\hat s_i - \hat s_j))_+`.

    As printed, :math:`(x - \epsilon)_+` would punish the right order. Here it is the mean over the pairs whose true
    scores differ; 0 where there is none.

    Args:
        scores: Predicted, N numbers.
        truth: True ones, N numbers; the higher, the better.
        margin: Epsilon, by which the better one should be ahead. Defaults to 0.1.

    Example:
        >>> ranking_loss(torch.tensor([1.0, 0.0]), torch.tensor([5.0, 3.0])).item()
        0.0
    """
    first, second = torch.triu_indices(len(scores), len(scores), 1)
    order = (truth[first] - truth[second]).sign()
    hinges = (margin - (scores[first] - scores[second]) * order).relu()[order != 0]
    return hinges.mean() if len(hinges) else scores.sum() * 0


LOSSES = dict(rank=ranking_loss, l1=F.l1_loss, l2=F.mse_loss)


def fit_predictor(predictor: PathPredictor, optimizer: torch.optim.Optimizer, data: Sequence[Tensor],
                  loss: str = 'rank', epochs: int = 30, batch_size: int = 128,
                  generator: torch.Generator | None = None) -> float:
    """Train a predictor on paths that were tried.

    Args:
        predictor: What is trained.
        optimizer: Its optimizer.
        data: paths, used and constraint, as the predictor takes them, and the true scores, N numbers of any unit: what
            is learned are those of mean 0 and deviation 1.
        loss: ``'rank'`` (eq. 17), ``'l1'`` or ``'l2'`` of the true scores (table IX). Defaults to 'rank'.
        epochs: Passes over the paths. Defaults to 30.
        batch_size: Paths that are ranked against each other in a step. Defaults to 128.
        generator: Random numbers of the order.

    Returns:
        The loss of the last pass.

    Raises:
        ValueError: If the loss is another word.
    """
    if loss not in LOSSES:
        raise InputError(f'fit_predictor got loss={loss!r}; it knows {list(LOSSES)}.')
    *inputs, truth = data
    # Between two learnings the loss of the whole supernet falls, and that of its paths differs by thousandths.
    data = (*inputs, (truth - truth.mean()) / truth.std().clamp(min=1e-12))
    for _ in range(epochs):
        total = 0.0
        for batch in torch.randperm(len(data[0]), generator=generator).split(batch_size):
            *inputs, truth = (tensor[batch] for tensor in data)
            value = LOSSES[loss](predictor(*inputs), truth.float())
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
            total += float(value.detach()) * len(batch) / len(data[0])
    return total
