"""The model of a Runner without its wrapper."""
from __future__ import annotations

from mmengine.model import BaseModel, is_model_wrapper
from mmengine.runner import Runner


def unwrap_model(runner: Runner) -> BaseModel:
    """Return the runner's model without the wrapper of distributed training."""
    return runner.model.module if is_model_wrapper(runner.model) else runner.model
