"""The detector or segmentor of a task-guided model, on images that another method made."""
from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
from mmengine.device import get_device
from torch import nn

from mmfusenas.apis.fusion_inferencer import FusionInferencer
from mmfusenas.apis.loading import load_model
from mmfusenas.core.errors import InputError
from mmfusenas.models.scene.fixed_fusion import FixedFusion
from mmfusenas.models.task_guided import TaskGuided
from mmfusenas.utils.weights import weights_records


class ImageTask:
    """A trained detector or segmentor on images as they are: its model with the scene module replaced by none.

    It has learned to see the images of its own scene module, so that it favours methods whose images are like those.

    Args:
        source: Model, name of bundled weights, or checkpoint, of a :class:`TaskGuidedDetector` or
            :class:`TaskGuidedSegmentor`.
        device: Defaults to a GPU where torch sees one.

    Raises:
        ValueError: The model has no task, one that has not learned anything, or one that sees the sensors as well.

    Example:
        >>> task = ImageTask('tim-retinanet-msrs')
        >>> task.kind, task.classes
        ('detector', ('person', 'bicycle', 'car'))
        >>> task(np.zeros((64, 96, 3), np.uint8))['boxes'].shape
        (0, 4)
    """

    def __init__(self, source: nn.Module | str | Path, device: str | None = None) -> None:
        model = source if isinstance(source, nn.Module) else load_model(source, device=device or get_device())
        if not isinstance(model, TaskGuided) or model.stage == 'scene':
            raise InputError(f'{source} has no detector or segmentor that has learned anything. Bundled ones: '
                             f'{", ".join(name for name in weights_records() if name.endswith("-msrs"))}.')
        if model.sees != 'image':
            raise InputError(f'{source} sees the images of both sensors beside the fused one (sees={model.sees!r}), so '
                             'that it cannot judge fused images alone.')
        own = type(model.scene).__name__
        record = None if isinstance(source, nn.Module) else weights_records().get(str(source))
        self.trained_on = f'images of its own scene module, {own}' + (f'; {record.training_data}' if record else '')
        model.scene = FixedFusion(rule='visible')
        with warnings.catch_warnings():
            warnings.simplefilter('ignore', UserWarning)  # that the infrared image is not looked at is what is wanted
            self.inferencer = FusionInferencer(model, score_thr=0.0)
        self.kind = 'segmentor' if hasattr(model.task, 'decode_head') else 'detector'
        self.classes = tuple(self.inferencer.dataset_meta.get('classes') or ())

    def __call__(self, image: np.ndarray) -> dict[str, np.ndarray | None]:
        """Return what is found in an image.

        Args:
            image: uint8 H x W x 3, BGR.

        Returns:
            ``boxes``, ``scores`` and ``labels`` of a detector, of any score; ``mask`` of a segmentor, as of
            :class:`~mmfusenas.apis.base_inferencer.BaseInferencer`.
        """
        return self.inferencer(image, np.ascontiguousarray(image[..., 0]))
