"""Parameters and multiply-adds of whole models."""
from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import torch
from torch import nn

from mmfusenas.core.evaluating import evaluating
from mmfusenas.nas import Choice, LossWeights
from mmfusenas.nas.macs import count_macs
from mmfusenas.utils.sensors import random_inputs

WHOLE = dict(stage='joint', threshold=0.0)
"""What a model does everything with that it can, by the names of its settings."""


def complexity(model: nn.Module, shape: Sequence[int] | None = None) -> dict[str, int | None]:
    """Return the costs of a model, as a genotype records them.

    Args:
        model: A fusion module or a task-guided detector (called with a pair), or a detector (called with an image).
        shape: Height and width of the images; None leaves the multiply-adds out.

    Returns:
        ``parameters`` (without architecture parameters), ``macs`` (convolutions and linear layers of one image or
        pair; None without ``shape``), and ``latency_ms`` (None: a table of ``build_latency_table.py`` has it).

    Example:
        >>> complexity(MODELS.build(dict(type='TIMFusion', genotype='tim-light')), (61, 83))
        {'parameters': 127358, 'macs': 641705160, 'latency_ms': None}
    """
    macs = multiply_adds(model, shape).total() if shape else None
    return dict(parameters=count_parameters(model), macs=macs, latency_ms=None)


def multiply_adds(model: nn.Module, shape: Sequence[int]) -> Counter[nn.Module]:
    """Count multiply-adds by layer for one image (or pair) of ``shape``; the model's mode is as before afterwards.

    Of all that a model has, also where its stage leaves a part out, or an image without noise does.
    """
    device = next(model.parameters(), torch.empty(0)).device  # a fixed rule has no parameters
    inputs = random_inputs(model, shape, device=device)
    named = hasattr(model, 'sensors') or hasattr(model, 'scene')
    before = {name: getattr(model, name) for name in WHOLE if isinstance(getattr(model, name, None), str | float | int)}
    for name in before:
        setattr(model, name, WHOLE[name])
    try:
        with evaluating(model):
            return count_macs(model, lambda: model(inputs if named else inputs['visible']))
    finally:
        for name, value in before.items():
            setattr(model, name, value)


def count_parameters(model: nn.Module) -> int:
    """Count the parameters of a model, without architecture parameters."""
    alphas = {id(module.alpha) for module in model.modules() if isinstance(module, Choice | LossWeights)}
    return sum(parameter.numel() for parameter in model.parameters() if id(parameter) not in alphas)


def complexity_by_part(model: nn.Module, macs: Counter[nn.Module]) -> dict[str, dict[str, int]]:
    """Return parameters and multiply-adds of each part of a model that has any.

    The parts of a fusion network are its stem, cells and head; those of a task-guided detector its scene module and
    the detector's backbone, neck and head. Where one part is the whole, its own parts take its place.

    Args:
        model: As for :func:`complexity`.
        macs: Multiply-adds by layer, from :func:`multiply_adds`.

    Example:
        >>> net = MODELS.build(dict(type='TIMFusion', genotype='tim-light'))
        >>> list(complexity_by_part(net, multiply_adds(net, (61, 83))))
        ['stem', 'cells.0', 'cells.1', 'head']
    """
    costs = {name: dict(parameters=count_parameters(part), macs=sum(macs[layer] for layer in part.modules()))
             for name, part in _parts(model)}
    costs = {name: cost for name, cost in costs.items() if any(cost.values())}
    if len(costs) > 1:
        return costs
    inner = {f'{name}.{part}': cost for name in costs
             for part, cost in complexity_by_part(model.get_submodule(name), macs).items()}
    return inner or costs


def _parts(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    for name, child in model.named_children():
        if name == 'task' or isinstance(child, nn.ModuleList):
            yield from ((f'{name}.{inner}', module) for inner, module in child.named_children())
        else:
            yield name, child
