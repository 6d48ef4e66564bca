"""What one training step does to the weights, as the unrolled hyper-gradient needs it."""
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.optim import SGD, Optimizer

from mmfusenas.core.errors import InputError
from mmfusenas.nas.hypergrad.base import warn_once
from mmfusenas.nas.hypergrad.vectors import add, dot, fill, norm

CLIP_OPTIONS = {'max_norm', 'norm_type', 'error_if_nonfinite', 'foreach'}
"""Of ``clip_grad_norm_``."""


@dataclass(frozen=True)
class WeightStep:
    """One step of SGD: w' = w - lr (c g + weight_decay w + momentum buffer), each field one value per weight tensor.

    ``c = min(1, max_norm / |g|)`` where gradients are clipped by their norm, over all weights.
    """

    lr: list[float]
    momentum: list[float]
    weight_decay: list[float]
    momentum_buffers: list[Tensor | None]
    max_norm: float | None = None

    @classmethod
    def from_inner(cls, inner: Mapping | None, count: int) -> 'WeightStep':
        """Read ``inner``.

        Args:
            inner: ``lr`` (above or equal 0), and optionally ``momentum``, ``weight_decay`` (numbers, or one per
                weight tensor, as optimizers have groups), ``momentum_buffers`` (tensors, or ``None`` in
                place of one before its first step) and ``max_norm``, to which gradients are clipped.
            count: Number of weight tensors.

        Raises:
            ValueError: ``inner`` or its ``lr`` is missing, a key is unknown, or a list has another length.
        """
        if inner is None or 'lr' not in inner:
            raise InputError(f'Unrolled got inner={inner}; it needs what one weight step does: '
                             'inner=dict(lr=..., momentum=0, weight_decay=0, momentum_buffers=None)')
        unknown = set(inner) - {'lr', 'momentum', 'weight_decay', 'momentum_buffers', 'max_norm'}
        if unknown:
            raise InputError(f'Unrolled got inner with {sorted(unknown)}; '
                             'known are lr, momentum, weight_decay, momentum_buffers and max_norm')
        return cls(lr=_per_tensor('lr', inner['lr'], count),
                   momentum=_per_tensor('momentum', inner.get('momentum', 0), count),
                   weight_decay=_per_tensor('weight_decay', inner.get('weight_decay', 0), count),
                   momentum_buffers=_per_tensor('momentum_buffers', inner.get('momentum_buffers'), count),
                   max_norm=inner.get('max_norm'))

    def clip_coef(self, grads: Sequence[Tensor | None]) -> float:
        """Return c, 1 where nothing is clipped."""
        if self.max_norm is None:
            return 1.0
        return min(1.0, self.max_norm / float(_clipping_length(grads)))

    @torch.no_grad()
    def apply(self, weights: Sequence[Tensor], grads: Sequence[Tensor | None], clip_coef: float) -> None:
        """Move ``weights`` in place by ``clip_coef`` of the gradients; one without stays, as optimizers do it."""
        for weight, grad, lr, momentum, decay, buffer in zip(
                weights, grads, self.lr, self.momentum, self.weight_decay, self.momentum_buffers):
            if grad is None:
                continue
            weight.mul_(1 - lr * decay).sub_(grad, alpha=lr * clip_coef)
            if buffer is not None:
                weight.sub_(buffer, alpha=lr * momentum)

    def response(self, vector: Sequence[Tensor], grads: Sequence[Tensor | None] | None) -> list[Tensor]:
        """Return what w - w' makes of a change of the gradient, transposed, times ``vector``.

        That is lr v. Of a clipped gradient, whose length cannot change, it is ``c (lr v - g <g, lr v> / |g|^2)``.

        Args:
            vector: v, like the weights.
            grads: The gradients that were clipped, None where they were not.
        """
        vector = list(torch._foreach_mul(list(vector), self.lr))
        if grads is None:
            return vector
        filled, length = fill(grads, vector), _clipping_length(grads)
        along = dot(filled, vector) / (norm(filled) * length)
        return list(torch._foreach_mul(add(vector, filled, -along), self.max_norm / float(length)))


def _clipping_length(grads: Sequence[Tensor | None]) -> Tensor:
    """Return the length as ``torch.nn.utils.clip_grad_norm_`` divides by it."""
    return norm([grad for grad in grads if grad is not None]) + 1e-6


def inner_step(optimizer: Optimizer, params: Sequence[Tensor], clip: Mapping | None = None) -> dict:
    """What the next step of ``optimizer`` does to ``params``, as ``inner`` of a strategy.

    Args:
        optimizer: SGD is taken as it is. Of any other the learning rate and weight decay are taken, as a plain
            step, and this is said once.
        params: Weights, the strategy's ``lower_params``.
        clip: How gradients are clipped before the step, ``dict(max_norm=...)`` as of
            ``torch.nn.utils.clip_grad_norm_``. Another kind, or norm, is taken as not clipped, and this is said once.

    Returns:
        ``lr``, ``momentum``, ``weight_decay`` and ``momentum_buffers``, each a list like ``params``, and ``max_norm``.

    Raises:
        ValueError: A weight is not in the optimizer, or its group uses Nesterov, dampening or maximize.

    Example:
        >>> weight = torch.nn.Parameter(torch.ones(2))
        >>> inner_step(SGD([weight], lr=0.1, momentum=0.9), [weight])['momentum']
        [0.9]
    """
    plain = not isinstance(optimizer, SGD)
    by_norm = bool(clip) and set(clip) <= CLIP_OPTIONS and clip.get('norm_type', 2) == 2
    if plain:
        warn_once(f'The unrolled hyper-gradient takes the step of {type(optimizer).__name__} as a plain gradient step '
                  'of its learning rate')
    if clip and not by_norm:
        warn_once(f'The unrolled hyper-gradient takes the step of {type(optimizer).__name__} with gradients clipped '
                  f'otherwise than by their norm ({dict(clip)}) as if they were not clipped')
    groups = {id(param): group for group in optimizer.param_groups for param in group['params']}
    inner = dict(lr=[], momentum=[], weight_decay=[], momentum_buffers=[],
                 max_norm=float(clip['max_norm']) if by_norm else None)
    for index, param in enumerate(params):
        if id(param) not in groups:
            raise InputError(f'Weight {index} of shape {tuple(param.shape)} is not in the optimizer; '
                             'give the strategy only weights that it trains')
        group = groups[id(param)]
        _check_group(group)
        inner['lr'].append(float(group['lr']))
        inner['momentum'].append(0.0 if plain else float(group['momentum']))
        inner['weight_decay'].append(float(group.get('weight_decay', 0)))
        inner['momentum_buffers'].append(
            None if plain else optimizer.state.get(param, {}).get('momentum_buffer'))
    return inner


def _check_group(group: Mapping) -> None:
    for name in ('nesterov', 'dampening', 'maximize'):
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
