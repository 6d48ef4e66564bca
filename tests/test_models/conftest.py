"""What the tests of models share: independent reference functions, and weights that leave nothing at a default."""
import importlib.util
from pathlib import Path

import pytest
import torch
from torch import nn


@pytest.fixture(scope='session')
def reference():
    """TIM once more, as plain functions (``reference_tim.py`` beside this file)."""
    spec = importlib.util.spec_from_file_location('reference_tim', Path(__file__).parent / 'reference_tim.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def randomise():
    """Give a module random weights, norm statistics and slopes, in double precision and eval mode."""

    def apply(module: nn.Module, seed: int = 0) -> nn.Module:
        generator = torch.Generator().manual_seed(seed)
        module.double().eval()
        for norm in module.modules():
            if isinstance(norm, nn.BatchNorm2d):
                norm.running_mean.normal_(0, 0.2, generator=generator)
                norm.running_var.uniform_(0.5, 2, generator=generator)
                norm.weight.data.uniform_(0.5, 1.5, generator=generator)
                norm.bias.data.normal_(0, 0.2, generator=generator)
            elif isinstance(norm, nn.PReLU):
                norm.weight.data.uniform_(0.05, 0.4, generator=generator)
        return module

    return apply
