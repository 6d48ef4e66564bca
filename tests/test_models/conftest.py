"""What the tests of models share: independent reference functions."""
import importlib.util
from pathlib import Path

import pytest


@pytest.fixture(scope='session')
def reference():
    """TIM once more, as plain functions (``reference_tim.py`` beside this file)."""
    spec = importlib.util.spec_from_file_location('reference_tim', Path(__file__).parent / 'reference_tim.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
