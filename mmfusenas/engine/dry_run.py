"""A batch that is run for its memory alone, before a training spends hours on what comes first."""
from __future__ import annotations

import copy
import os
from typing import Any

import torch
from mmengine.dist import all_reduce
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch.nn.modules.batchnorm import _BatchNorm

from mmfusenas.core.errors import OutOfMemoryError
from mmfusenas.utils import memory
from mmfusenas.utils.random_state import get_random_state, set_random_state
from mmfusenas.utils.unwrap_model import unwrap_model

_OF_MEMORY = ('out of memory', 'not enough memory', 'DefaultCPUAllocator', 'ALLOC_FAILED')


def dry_run(runner: Runner, data_batch: dict, stage: str, whole: bool = True) -> None:
    """Run a training batch forward and backward in a stage, and log what memory it takes at its peak.

    On a CPU the kernel ends without a word what takes too much. So one sample goes first, from which the batch is
    estimated, to about 15 %. A copy of the model runs, and the random state is put back: the training that follows is,
    bit for bit, the one without. All processes take part, since heads of mmdet average over them.

    Args:
        runner: Runner of a model with stages (:class:`Stages`).
        data_batch: Batch as the dataloader gives it.
        stage: Stage that takes most.
        whole: Whether to run the whole batch, not the one sample alone.

    Raises:
        MemoryError: If the batch does not fit into memory, by the estimate or when it runs; it says what to change.
    """
    device = next(unwrap_model(runner).parameters()).device
    size, random_state = len(data_batch['data_samples']), get_random_state()
    free, before = memory.available(device), memory.used(device)
    memory.reset_peak(device)
    model = _copy(unwrap_model(runner), stage)
    try:
        one = _peak(runner, model, first(data_batch, 1), device) - before
        constant = min(one, 2 * sum(weight.nbytes for weight in model.parameters()))  # the copy, and gradients
        need, free = _agreed(constant + size * (one - constant), free, device)
        if need > free:
            raise OutOfMemoryError(f'It would take about {_gigabytes(need)}, and {_gigabytes(free)} are free.')
        if whole:
            need, free = _agreed(_peak(runner, model, data_batch, device) - before, free, device)
    except (MemoryError, RuntimeError) as error:  # torch raises RuntimeErrors
        if not isinstance(error, MemoryError) and not any(word in str(error) for word in _OF_MEMORY):
            raise
        raise OutOfMemoryError(f'A batch of {size} does not fit into memory in the stage {stage!r}. '
                               f'{str(error).splitlines()[0]}\n{_advice(runner)}') from error
    finally:
        set_random_state(random_state)
        memory.empty_cache(device)
    runner.logger.info(f'A batch of {size} takes {"" if whole else "about "}{_gigabytes(need)} in the stage {stage!r}; '
                       f'{_gigabytes(free)} were free.')


def first(batch: Any, number: int) -> Any:
    """Return the first samples of a batch.

    Example:
        >>> first(dict(inputs=dict(visible=[1, 2, 3]), data_samples=['a', 'b', 'c']), 2)
        {'inputs': {'visible': [1, 2]}, 'data_samples': ['a', 'b']}
    """
    return {key: first(value, number) for key, value in batch.items()} if isinstance(batch, dict) else batch[:number]


def _copy(model: BaseModel, stage: str) -> BaseModel:
    """Return a copy in a stage; its BatchNorm keeps its statistics, since one sample may have none."""
    model = copy.deepcopy(model)
    model.stage = stage
    for module in model.train().modules():
        if isinstance(module, _BatchNorm):
            module.eval()
    return model


def _peak(runner: Runner, model: BaseModel, batch: dict, device: torch.device) -> int:
    """Return the peak of the memory after a forward and a backward pass."""
    data = model.data_preprocessor(copy.deepcopy(batch), True)
    with runner.optim_wrapper.optim_context(model):
        loss = model.parse_losses(model(**data, mode='loss'))[0]
    loss.backward()
    model.zero_grad()
    return memory.peak(device)


def _agreed(need: float, free: float, device: torch.device) -> tuple[float, float]:
    """Return the largest need and the least free memory of all processes, so that they decide alike.

    The processes of a machine share its memory; each has a GPU of its own.
    """
    sharing = int(os.environ.get('LOCAL_WORLD_SIZE', 1)) if device.type == 'cpu' else 1
    numbers = torch.tensor([sharing * need, -free], dtype=torch.float64, device=device)
    all_reduce(numbers, 'max')
    return float(numbers[0]), -float(numbers[1])


def _advice(runner: Runner) -> str:
    """Return what to change."""
    scene = unwrap_model(runner).scene
    changes = ['a smaller train_dataloader.batch_size', 'smaller images or crops']
    if getattr(scene, 'with_cp', True) is False:
        changes.append('--cfg-options model.scene.with_cp=True (the scene is computed again in the backward pass)')
    if type(runner.optim_wrapper).__name__ == 'OptimWrapper':
        changes.append('--amp')
    return f'Take {", ".join(changes[:-1])} or {changes[-1]}.'


def _gigabytes(number: float) -> str:
    return f'{number / 1e9:.1f} GB'
