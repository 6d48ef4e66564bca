"""Random states are read, stored and put back."""
import random

import numpy as np
import torch

from mmfusenas.utils.random_state import get_random_state, seeded, set_random_state


def _draw():
    return random.gauss(0, 1), np.random.randn(), torch.randn(2).tolist(), random.random()


def test_state_goes_through_a_file(tmp_path):
    random.seed(1), np.random.seed(1), torch.manual_seed(1)
    _draw()  # Gaussian generators keep a second number back, which belongs to the state
    torch.save(get_random_state(), tmp_path / 'state.pth')
    expected = _draw(), _draw()
    set_random_state(torch.load(tmp_path / 'state.pth', weights_only=True))
    assert (_draw(), _draw()) == expected


def test_seeded_block():
    before = get_random_state()
    with seeded(0, 3, 17):
        first = _draw()
    with seeded(0, 17, 3):
        other = _draw()
    with seeded(0, 3, 17):
        assert _draw() == first
    assert other[0] != first[0] and other[1] != first[1] and other[2] != first[2]
    after = get_random_state()
    assert after['python'][1].tolist() == before['python'][1].tolist()
    assert after['numpy'][1].tolist() == before['numpy'][1].tolist()
    assert torch.equal(after['torch'], before['torch'])


def test_seeded_block_puts_back_after_an_error():
    before = torch.get_rng_state()
    try:
        with seeded(1):
            torch.rand(3)
            raise ValueError
    except ValueError:
        pass
    assert torch.equal(torch.get_rng_state(), before)
