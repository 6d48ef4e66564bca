"""Products with second derivatives, without ever writing the matrices down."""
from collections.abc import Sequence

from torch import Tensor

from mmfusenas.nas.hypergrad.base import BilevelProblem, vjp
from mmfusenas.nas.hypergrad.vectors import average, fill


class SecondOrder:
    """Products with the second derivatives of the lower loss, all from one evaluation of it.

    Args:
        problem: The problem, inside a strategy's ``estimate``. No other loss may be evaluated and no weight moved
            while the products are taken, because they go through the graph kept here.

    Attributes:
        loss: Value of the lower loss.
    """

    def __init__(self, problem: BilevelProblem) -> None:
        self.choices, self.weights = problem.upper_params, problem.lower_params
        loss = problem.evaluate(*problem.lower_loss)
        self.loss = average([loss.detach()], [loss])[0].reshape(())
        self.grads = fill(vjp([loss], self.weights, create_graph=True), self.weights)

    def hessian(self, vector: Sequence[Tensor]) -> list[Tensor]:
        """Weights by weights: d2L/dw2 times ``vector``."""
        return self.product(self.weights, vector)

    def mixed(self, vector: Sequence[Tensor]) -> list[Tensor]:
        """Choices by weights: d2L/(dchoices dw) times ``vector``."""
        return self.product(self.choices, vector)

    def product(self, wanted: Sequence[Tensor], vector: Sequence[Tensor]) -> list[Tensor]:
        """Any tensors of the loss by weights, in one pass: d2L/(dwanted dw) times ``vector``."""
        product = vjp(self.grads, wanted, vector, retain_graph=True)
        return fill(average(product, wanted), wanted)
