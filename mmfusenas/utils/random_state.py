"""The random generators of a process: read them, put them back, and seed them inside a block.

Example:
    >>> with seeded(0, 3, 17):  # seed 0, epoch 3, sample 17
    ...     first = random.random()
    >>> with seeded(0, 3, 17):
    ...     random.random() == first
    True
"""
from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch


def get_random_state() -> dict[str, Any]:
    """Return the state of Python's, NumPy's and torch's generators (CPU, and the current CUDA device if in use).

    Only numbers, tuples and tensors are in it, so that a file with it loads with ``weights_only=True``.
    """
    version, words, gauss = random.getstate()
    name, keys, position, has_gauss, cached = np.random.get_state()
    return dict(
        python=(version, torch.tensor(words), gauss),
        numpy=(name, torch.from_numpy(keys.astype(np.int64)), position, has_gauss, cached),
        torch=torch.get_rng_state(),
        cuda=torch.cuda.get_rng_state() if torch.cuda.is_initialized() else None)


def set_random_state(state: dict[str, Any]) -> None:
    """Put back what :func:`get_random_state` returned.

    Args:
        state: The state. Its tensors may be on any device (a checkpoint loaded to a GPU moves them there).
    """
    version, words, gauss = state['python']
    random.setstate((version, tuple(words.tolist()), gauss))
    name, keys, position, has_gauss, cached = state['numpy']
    np.random.set_state((name, keys.cpu().numpy().astype(np.uint32), position, has_gauss, cached))
    torch.set_rng_state(state['torch'].cpu())
    if state['cuda'] is not None and torch.cuda.is_available():
        torch.cuda.set_rng_state(state['cuda'].cpu())


@contextmanager
def seeded(*entropy: int) -> Iterator[None]:
    """Seed ``random``, ``numpy.random`` and torch's generators inside the block, and put them back after it.

    The numbers are mixed by NumPy's ``SeedSequence``, so that neighbours (epoch 3 sample 4, epoch 4 sample 3)
    give unrelated streams. Of CUDA it is the current device's generator, where CUDA is in use.

    Args:
        *entropy: Non-negative integers that name the stream, such as seed, epoch and index.
    """
    python, legacy, generator = random.getstate(), np.random.get_state(), torch.get_rng_state()
    cuda = torch.cuda.get_rng_state() if torch.cuda.is_initialized() else None
    words = [int(word) for word in np.random.SeedSequence(entropy).generate_state(3)]
    random.seed(words[0])
    np.random.seed(words[1])
    torch.default_generator.manual_seed(words[2])
    if cuda is not None:
        torch.cuda.manual_seed(words[2])
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(legacy)
        torch.set_rng_state(generator)
        if cuda is not None:
            torch.cuda.set_rng_state(cuda)
