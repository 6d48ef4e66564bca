"""One training step of the weights as a function, for the unrolled hyper-gradient."""
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.optim import SGD, Adam, AdamW, Optimizer

from mmfusenas.core.errors import InputError
from mmfusenas.nas.hypergrad.base import vjp, warn_once
from mmfusenas.nas.hypergrad.vectors import add, dot, fill, norm

CLIP_OPTIONS = {'max_norm', 'norm_type', 'error_if_nonfinite', 'foreach'}
"""Of ``clip_grad_norm_``."""

TINY = 1e-6
"""What ``clip_grad_norm_`` adds to the norm that it divides by."""

Columns = Sequence[Sequence[Tensor | None]]
"""Lists like the weights, of what the optimizer remembers of each; None for zeros."""


def sgd(weight: Tensor, grad: Tensor, buffer: Tensor, *, lr: float, momentum: float,
        weight_decay: float) -> tuple[Tensor, Tensor]:
    """Return weight and momentum buffer after a step of SGD."""
    buffer = momentum * buffer + grad + weight_decay * weight
    return weight - lr * buffer, buffer


def adam(weight: Tensor, grad: Tensor, mean: Tensor, square: Tensor, count: Tensor, *, lr: float, beta1: float,
         beta2: float, eps: float, weight_decay: float, decoupled: bool) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return weight, both moments and the number of steps after a step of Adam, or of AdamW where ``decoupled``.

    A weight whose gradients were all 0 so far does not answer: there the step jumps by 2 lr, and has no derivative.
    """
    if decoupled:
        weight = weight * (1 - lr * weight_decay)
    else:
        grad = grad + weight_decay * weight
    mean, square, count = beta1 * mean + (1 - beta1) * grad, beta2 * square + (1 - beta2) * grad * grad, count + 1
    first, second = (1 - beta ** float(count.detach()) for beta in (beta1, beta2))
    alive = square > 0
    root = torch.where(alive, square, 1).sqrt() / second ** 0.5
    return weight - torch.where(alive, lr / first * mean / (root + eps), 0), mean, square, count


RULES: dict[str, tuple[Callable, dict[str, Any], tuple[str, ...]]] = dict(
    SGD=(sgd, dict(momentum=0.0, weight_decay=0.0), ('momentum_buffers', )),
    Adam=(adam, dict(beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.0, decoupled=False),
          ('exp_avgs', 'exp_avg_sqs', 'counts')))
"""By name: the function, its options besides ``lr`` with their defaults, and what the optimizer remembers."""


@dataclass(frozen=True)
class WeightStep:
    """One step of an optimizer on all weights, as a function of weights, gradients and what it remembers.

    ``rule`` is one of :data:`RULES`, with ``options`` for each weight tensor. Where gradients are clipped by their norm
    over all weights, it takes the share ``c = min(1, max_norm / |g|)`` of them.
    """

    rule: Callable
    options: list[dict[str, Any]]
    max_norm: float | None = None

    @classmethod
    def from_inner(cls, inner: Mapping | None, weights: Sequence[Tensor]) -> tuple['WeightStep', Columns]:
        """Read ``inner``.

        Args:
            inner: ``lr`` (above or equal 0), and optionally ``type`` (``'SGD'`` or ``'Adam'``) and what belongs to it
                in :data:`RULES`: numbers, or one per weight tensor, as optimizers have groups; and for what the
                optimizer remembers tensors, or ``None`` in place of one before its first step. ``max_norm`` is what
                gradients are clipped to.
            weights: Weight tensors.

        Returns:
            The step, and what the optimizer remembers at the moment.

        Raises:
            ValueError: ``inner`` or its ``lr`` is missing, a key is unknown, or a list has another length.
        """
        if inner is None or 'lr' not in inner:
            raise InputError(f'Unrolled got inner={inner}; it needs what one weight step does: '
                             'inner=dict(lr=..., momentum=0, weight_decay=0, momentum_buffers=None)')
        kind, count = inner.get('type', 'SGD'), len(weights)
        if kind not in RULES:
            raise InputError(f'Unrolled got inner of type={kind!r}; it knows the steps of {list(RULES)}')
        rule, defaults, remembered = RULES[kind]
        known = ['type', 'lr', *defaults, *remembered, 'max_norm']
        if set(inner) - set(known):
            raise InputError(f'Unrolled got inner with {sorted(set(inner) - set(known))}; of {kind} are known {known}')
        options = {name: _per_tensor(name, inner.get(name, default), count)
                   for name, default in dict(defaults, lr=None).items()}
        state = [_per_tensor(name, inner.get(name), count) for name in remembered]
        step = cls(rule, [dict(zip(options, values)) for values in zip(*options.values())], inner.get('max_norm'))
        return step, state

    def share(self, grads: Sequence[Tensor | None]) -> float:
        """Return c, the share of the gradients that is taken, 1 where nothing is clipped."""
        if self.max_norm is None:
            return 1.0
        return min(1.0, self.max_norm / float(norm([grad for grad in grads if grad is not None]) + TINY))

    @torch.no_grad()
    def move(self, weights: Sequence[Tensor], grads: Sequence[Tensor | None], share: float, state: Columns) -> Columns:
        """Take the step in place, and return what is remembered then; a weight without gradient stays as it is."""
        after = []
        for weight, grad, options, *own in zip(weights, grads, self.options, *state):
            if grad is not None:
                moved, *own = self.rule(weight, share * grad, *_filled(own, weight), **options)
                weight.copy_(moved)
            after.append(own)
        return [list(column) for column in zip(*after)]

    def needed(self, grads: Sequence[Tensor | None], share: float) -> list[Tensor | None]:
        """Return of gradients what :meth:`pullback` needs: of a step that is linear in them, where there are some."""
        if self.rule is not sgd or share < 1:
            return list(grads)
        return [None if grad is None else grad.new_zeros(()).expand_as(grad) for grad in grads]

    def pullback(self, weights: Sequence[Tensor], grads: Sequence[Tensor | None], share: float, state: Columns,
                 vectors: Columns) -> Iterator[list[Tensor | None]]:
        """Yield the derivatives of the step, transposed, times vectors: one weight tensor after the other.

        Args:
            weights, grads, share, state: Where the step is taken.
            vectors: Like weights and state, as they are after the step; ``None`` for zeros.

        Yields:
            The products for a weight, for the share of its gradient that is taken, and for what is remembered of it;
            :meth:`through_clipping` has that of the gradient itself.
        """
        for weight, grad, options, *rest in zip(weights, grads, self.options, *state, *vectors):
            own, own_vectors = rest[:len(state)], rest[len(state):]
            if grad is None:
                yield [own_vectors[0], torch.zeros_like(weight), *own_vectors[1:]]
                continue
            inputs = [tensor.detach().requires_grad_() for tensor in (weight, share * grad, *_filled(own, weight))]
            pairs = [(output, vector) for output, vector in zip(self.rule(*inputs, **options), own_vectors)
                     if vector is not None]
            yield fill(vjp([output for output, _ in pairs], inputs, [vector for _, vector in pairs]), inputs)

    @staticmethod
    def through_clipping(grads: Sequence[Tensor | None], share: float, vector: list[Tensor]) -> list[Tensor]:
        """Return the derivative of c g, transposed, times v: ``c (v - g <g, v> / |g|^2)`` where g is clipped."""
        if share == 1:
            return vector
        filled = fill(grads, vector)
        length = norm(filled)
        return list(torch._foreach_mul(add(vector, filled, -dot(filled, vector) / (length * (length + TINY))), share))


def _filled(own: Sequence[Tensor | None], weight: Tensor) -> list[Tensor]:
    """Return what is remembered of a weight, zeros before its first step: as large as the weight, so only when used."""
    shapes = [weight.shape, weight.shape, ()]  # both moments, number of steps
    return [weight.new_zeros(shape, dtype=None if shape else torch.float64) if tensor is None else tensor
            for tensor, shape in zip(own, shapes)]


def inner_step(optimizer: Optimizer, params: Sequence[Tensor], clip: Mapping | None = None) -> dict:
    """What the next step of ``optimizer`` does to ``params``, as ``inner`` of a strategy.

    Args:
        optimizer: SGD, Adam and AdamW are taken as they are. Of any other the learning rate and weight decay are taken,
            as a plain step, and this is said once.
        params: Weights, the strategy's ``lower_params``.
        clip: How gradients are clipped before the step, ``dict(max_norm=...)`` as of
            ``torch.nn.utils.clip_grad_norm_``. Another kind, or norm, is taken as not clipped, and this is said once.

    Returns:
        What :meth:`WeightStep.from_inner` reads: lists like ``params``, and ``max_norm``.

    Raises:
        ValueError: A weight is not in the optimizer, or its group uses Nesterov, dampening, amsgrad or maximize.

    Example:
        >>> weight = torch.nn.Parameter(torch.ones(2))
        >>> inner_step(SGD([weight], lr=0.1, momentum=0.9), [weight])['momentum']
        [0.9]
        >>> inner_step(Adam([weight], lr=0.1), [weight])['beta2']
        [0.999]
    """
    by_norm = bool(clip) and set(clip) <= CLIP_OPTIONS and clip.get('norm_type', 2) == 2
    if not isinstance(optimizer, (SGD, Adam, AdamW)):
        warn_once(f'The unrolled hyper-gradient takes the step of {type(optimizer).__name__} as a plain gradient step '
                  'of its learning rate')
    if clip and not by_norm:
        warn_once(f'The unrolled hyper-gradient takes the step of {type(optimizer).__name__} with gradients clipped '
                  f'otherwise than by their norm ({dict(clip)}) as if they were not clipped')
    groups = {id(param): group for group in optimizer.param_groups for param in group['params']}
    for index, param in enumerate(params):
        if id(param) not in groups:
            raise InputError(f'Weight {index} of shape {tuple(param.shape)} is not in the optimizer; '
                             'give the strategy only weights that it trains')
        _check_group(groups[id(param)])
    steps = [_step_of(optimizer, groups[id(param)], optimizer.state.get(param, {})) for param in params]
    kind = dict(type='Adam') if isinstance(optimizer, (Adam, AdamW)) else {}
    return dict(kind, **{name: [step[name] for step in steps] for name in steps[0]},
                max_norm=float(clip['max_norm']) if by_norm else None)


def _step_of(optimizer: Optimizer, group: Mapping, state: Mapping) -> dict[str, Any]:
    """Return what one weight tensor's next step is."""
    step = dict(lr=float(group['lr']), weight_decay=float(group.get('weight_decay', 0)))
    if not isinstance(optimizer, (Adam, AdamW)):
        known = isinstance(optimizer, SGD)
        return dict(step, momentum=float(group['momentum']) if known else 0.0,
                    momentum_buffers=state.get('momentum_buffer') if known else None)
    beta1, beta2 = map(float, group['betas'])
    count = state.get('step')
    return dict(
        step, beta1=beta1, beta2=beta2, eps=float(group['eps']),
        decoupled=isinstance(optimizer, AdamW) or bool(group.get('decoupled_weight_decay')),
        exp_avgs=state.get('exp_avg'), exp_avg_sqs=state.get('exp_avg_sq'),
        counts=None if count is None else torch.tensor(float(count), dtype=torch.float64))


def _check_group(group: Mapping) -> None:
    for name in ('nesterov', 'dampening', 'maximize', 'amsgrad'):
        if group.get(name):
            raise InputError(f'The optimizer has {name}={group[name]}, whose step Unrolled does not model; '
                             'leave it out or use another strategy')


def _per_tensor(name: str, value: object, count: int) -> list:
    if not isinstance(value, Sequence):
        return [value] * count
    if len(value) != count:
        raise InputError(f'inner has {len(value)} values of {name} for {count} weight tensors; '
                         'give one number for all, or one per tensor')
    return list(value)
