"""Base class of the strategies: their call, its problem, and the state that they leave alone."""
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache

import torch
from torch import Tensor

from mmfusenas.core.errors import InputError
from mmfusenas.nas.hypergrad.vectors import average, mean

Closure = Callable[[], Tensor]


@contextmanager
def preserved(tensors: Sequence[Tensor]) -> Iterator[Callable[[], None]]:
    """Keep the values of ``tensors`` bit for bit, whatever happens inside.

    Args:
        tensors: Weights or buffers that the block changes in place.

    Yields:
        A function that puts the values back already inside the block.
    """
    tensors = list(tensors)
    kept = [tensor.detach().clone() for tensor in tensors]

    def restore() -> None:
        if tensors:  # the _foreach functions refuse an empty list
            with torch.no_grad():
                torch._foreach_copy_(tensors, kept)

    try:
        yield restore
    finally:
        restore()


@contextmanager
def differentiable(tensors: Sequence[Tensor]) -> Iterator[None]:
    """Switch ``requires_grad`` on inside the block: choices are without it so that no optimizer touches them."""
    before = [tensor.requires_grad for tensor in tensors]
    try:
        for tensor in tensors:
            tensor.requires_grad_(True)
        yield
    finally:
        for tensor, flag in zip(tensors, before):
            tensor.requires_grad_(flag)


class BilevelProblem:
    r"""min over choices of U(choices, w*) where w* = argmin over w of L(choices, w), at its present point.

    Every evaluation starts from the same buffers (BatchNorm statistics), and every gradient is averaged over
    the ranks of a distributed run before anything is computed from it, so that for losses that are means
    N ranks equal one with an N times larger batch.

    Args:
        upper_loss: U, a function of no argument that gives a scalar tensor with a graph; or several, of independent
            batches, whose mean U is.
        lower_loss: L, likewise one. All give the same value each time they are called within one hyper-gradient.
        upper_params: The choices, leaf tensors; they may come with ``requires_grad=False``.
        lower_params: The weights w, leaf tensors. One that needs no gradient counts as a constant.
        buffers: Tensors that evaluating a loss changes.

    Raises:
        ValueError: A list of parameters is empty or holds a tensor that is not a leaf.
    """

    def __init__(self, upper_loss: Closure | Sequence[Closure], lower_loss: Closure, upper_params: Sequence[Tensor],
                 lower_params: Sequence[Tensor], buffers: Sequence[Tensor] = ()) -> None:
        self.upper_loss = (upper_loss, ) if callable(upper_loss) else tuple(upper_loss)
        self.lower_loss = (lower_loss, )
        self.upper_params, self.lower_params = list(upper_params), list(lower_params)
        self.buffers = list(buffers)
        for name in ('upper_params', 'lower_params'):
            _check_leaves(name, getattr(self, name))

    def evaluate(self, closure: Closure) -> Tensor:
        """The loss with its graph, from the buffers as they were found; an error if it is no scalar with a graph."""
        self.restore_buffers()
        loss = closure()
        name = 'upper_loss' if closure in self.upper_loss else 'lower_loss'
        if not isinstance(loss, Tensor) or loss.numel() != 1:
            got = tuple(loss.shape) if isinstance(loss, Tensor) else type(loss).__name__
            raise InputError(f'{name}() gave {got}; a hyper-gradient needs a scalar tensor: return the summed loss')
        if not loss.requires_grad:
            raise InputError(f'{name}() gave a tensor without a graph, so it has no gradient for weights or choices; '
                             'compute it without torch.no_grad() and without detach()')
        return loss

    def gradients(self, closures: Sequence[Closure],
                  *groups: Sequence[Tensor]) -> tuple[Tensor, list[list[Tensor | None]]]:
        """The mean of losses, and its gradients for several lists of tensors, averaged over the ranks.

        Args:
            closures: ``upper_loss`` or ``lower_loss``.
            groups: Lists of tensors to differentiate for.

        Returns:
            The loss, and per group a list of gradients, with ``None`` where the loss does not use a tensor.
        """
        return mean(self.each(closures, *groups))

    def each(self, closures: Sequence[Closure],
             *groups: Sequence[Tensor]) -> list[tuple[Tensor, list[list[Tensor | None]]]]:
        """What :meth:`gradients` is the mean of: loss and gradients of each closure, from one backward pass each."""
        tensors, found = [tensor for group in groups for tensor in group], []
        for closure in closures:
            loss = self.evaluate(closure)
            value, *grads = average([loss.detach(), *vjp([loss], tensors)], [loss, *tensors])
            sizes = iter(grads)
            found.append((value.reshape(()), [[next(sizes) for _ in group] for group in groups]))
        return found


def vjp(outputs: Sequence[Tensor], inputs: Sequence[Tensor], vectors: Sequence[Tensor] | None = None,
        create_graph: bool = False, retain_graph: bool | None = None) -> list[Tensor | None]:
    """``torch.autograd.grad`` that gives ``None`` for an input that needs no gradient or is not used.

    Args:
        outputs: Tensors to differentiate; constants among them are left out.
        inputs: Tensors to differentiate for.
        vectors: One per output, what it is multiplied with; not needed for a scalar.
        create_graph: Whether the result can be differentiated again.
        retain_graph: Whether the graph serves another product.
    """
    kept = [index for index, output in enumerate(outputs) if output.requires_grad]
    needed = [index for index, tensor in enumerate(inputs) if tensor.requires_grad]
    grads: list[Tensor | None] = [None] * len(inputs)
    if kept and needed:
        found = torch.autograd.grad(
            [outputs[i] for i in kept], [inputs[i] for i in needed],
            None if vectors is None else [vectors[i] for i in kept],
            create_graph=create_graph, retain_graph=retain_graph, allow_unused=True)
        for index, grad in zip(needed, found):
            grads[index] = grad
    return grads


class HyperGradient(ABC):
    """Base of the strategies: called with two losses, gives dU/dchoices through the weights' answer to the choices.

    Uses ``torch.autograd.grad`` throughout: no ``.grad`` is read or written. A subclass says in
    :meth:`estimate` how the response of the weights is approximated.
    """

    by_difference = False
    """Whether gradients at neighbouring points are subtracted, of which half precision leaves nothing."""

    def __call__(self, upper_loss: Closure | Sequence[Closure], lower_loss: Closure, upper_params: Sequence[Tensor],
                 lower_params: Sequence[Tensor], buffers: Sequence[Tensor] = (),
                 inner: Mapping | None = None) -> tuple[list[Tensor], dict[str, Tensor]]:
        """Estimate the hyper-gradient at the present weights and choices.

        Args:
            upper_loss: U, or several whose mean it is; see :class:`BilevelProblem`. All losses are deterministic
                within the call: the same batch and, where there is dropout or augmentation, the same random state
                each time.
            lower_loss: L.
            upper_params: Choices.
            lower_params: Weights.
            buffers: Tensors to put back, such as BatchNorm statistics.
            inner: What one weight step does; only :class:`Unrolled` reads it.

        Returns:
            Gradients, a list like ``upper_params``, and scalars to log. Parameters, buffers, ``.grad`` and
            ``requires_grad`` are as before, bit for bit, also when a loss raises.
        """
        problem = BilevelProblem(upper_loss, lower_loss, upper_params, lower_params, buffers)
        with (torch.enable_grad(), preserved(problem.buffers) as problem.restore_buffers,
              differentiable(problem.upper_params)):
            grads, log = self.estimate(problem, inner)
        return [grad.detach() for grad in grads], {name: value.detach() for name, value in log.items()}

    @abstractmethod
    def estimate(self, problem: BilevelProblem, inner: Mapping | None) -> tuple[list[Tensor], dict[str, Tensor]]:
        """The hyper-gradient of ``problem``, and scalars to log."""


def _check_leaves(name: str, tensors: Sequence[Tensor]) -> None:
    if not tensors:
        raise InputError(f'{name} is empty; a hyper-gradient needs at least one choice and one weight')
    for index, tensor in enumerate(tensors):
        if not tensor.is_leaf:
            raise InputError(f'{name}[{index}] of shape {tuple(tensor.shape)} is not a leaf tensor; '
                             'give the parameter itself, not something computed from it')


@cache
def warn_once(message: str) -> None:
    """Warn, the first time that a message is given."""
    warnings.warn(message, stacklevel=3)
