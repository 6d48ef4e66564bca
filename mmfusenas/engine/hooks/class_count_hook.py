"""Whether the heads of a model have as many classes as the data."""
from __future__ import annotations

from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import nn

from mmfusenas.core.errors import InputError
from mmfusenas.registry import HOOKS
from mmfusenas.utils.unwrap_model import unwrap_model

_OTHER = ('rpn', 'semantic')
"""In the names of heads whose classes are not those of the data: objects and background, or things and stuff."""


def check_class_count(model: nn.Module, dataset: Any) -> None:
    """Raise where a head of a detector or segmentor has another number of classes than the data.

    Heads have ``num_classes`` in mmdet and mmseg alike. A data set without class names says nothing.

    Args:
        model: Detector, segmentor, or either behind a scene module.
        dataset: Data set; its ``metainfo`` has ``classes``.

    Raises:
        ValueError: With the name of the head, both numbers, and what to set.

    Example:
        >>> from types import SimpleNamespace
        >>> model = nn.ModuleDict(dict(bbox_head=nn.Identity()))
        >>> model.bbox_head.num_classes = 80
        >>> check_class_count(model, SimpleNamespace(metainfo=dict(classes=('person', 'car'))))
        Traceback (most recent call last):
        mmfusenas.core.errors.InputError: bbox_head (Identity) has num_classes=80, and the data have 2 classes ...
    """
    classes = (getattr(dataset, 'metainfo', None) or {}).get('classes') or ()
    for name, module in model.named_modules() if classes else ():
        count = getattr(module, 'num_classes', None)
        if 'head' in name and type(count) is int and count != len(classes) and not any(x in name for x in _OTHER):
            raise InputError(
                f'{name} ({type(module).__name__}) has num_classes={count}, and the data have {len(classes)} classes '
                f'({", ".join(classes)}). Set --cfg-options model.{name}.num_classes={len(classes)}, or give the data '
                'set metainfo=dict(classes=...).')


@HOOKS.register_module()
class ClassCountHook(Hook):
    """Compare the heads' numbers of classes with those of the data before a training, a validation and a test.

    Labels beyond a head's classes would train and score without a word. The tools register this hook in every Runner
    (:func:`~mmfusenas.utils.launch.build_runner`).

    Raises:
        ValueError: See :func:`check_class_count`.

    Example:
        >>> type(HOOKS.build(dict(type='ClassCountHook'))).__name__
        'ClassCountHook'
    """

    priority = 'VERY_HIGH'

    def before_train(self, runner: Runner) -> None:
        """Look at the training data, and at those of the validations to come."""
        check_class_count(unwrap_model(runner), runner.train_dataloader.dataset)
        if runner.val_loop is not None:
            self.before_val(runner)

    def before_val(self, runner: Runner) -> None:
        """Look at the validation data."""
        check_class_count(unwrap_model(runner), runner.val_dataloader.dataset)

    def before_test(self, runner: Runner) -> None:
        """Look at the test data."""
        check_class_count(unwrap_model(runner), runner.test_dataloader.dataset)
