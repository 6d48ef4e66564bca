"""Plot of cost and score of the paths of a search."""
from __future__ import annotations

from matplotlib.figure import Figure
from torch import Tensor


def plot_pareto(costs: Tensor, scores: Tensor, limit: float, cost: str, score: str) -> Figure:
    """Draw every network that was scored, and the front of those that no other is cheaper and better than.

    Args:
        costs: N numbers.
        scores: N numbers; the lower, the better.
        limit: The constraint, a dashed line.
        cost, score: What the axes are called.

    Example:
        >>> figure = plot_pareto(torch.rand(20), torch.rand(20), 0.9, 'parameters', 'loss')
        >>> figure.axes[0].get_xlabel(), figure.axes[0].get_ylabel()
        ('parameters', 'loss')
    """
    drawing = Figure(figsize=(6, 4), layout='constrained')
    axes = drawing.subplots()
    axes.scatter(costs, scores, s=8, alpha=0.4)
    front = pareto_front(costs, scores)
    axes.step(costs[front], scores[front], 'C1', where='post', label='front')
    axes.axvline(limit, color='grey', linestyle='--', label='limit')
    axes.set(xlabel=cost, ylabel=score)
    axes.legend()
    return drawing


def pareto_front(costs: Tensor, scores: Tensor) -> list[int]:
    """Return which networks no other is both at most as dear and better than, from the cheapest to the best.

    Example:
        >>> pareto_front(torch.tensor([3.0, 1.0, 2.0]), torch.tensor([1.0, 2.0, 3.0]))
        [1, 0]
    """
    front: list[int] = []
    for i in sorted(range(len(costs)), key=lambda i: (float(costs[i]), float(scores[i]))):
        if not front or scores[i] < scores[front[-1]]:
            front.append(i)
    return front
