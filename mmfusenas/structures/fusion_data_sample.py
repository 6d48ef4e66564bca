"""Data sample of one image pair without a detection or segmentation task."""
from __future__ import annotations

import warnings
from collections.abc import Mapping

import numpy as np
from mmengine.structures import BaseDataElement

from mmfusenas.core.errors import InputError


class FusionDataSample(BaseDataElement):
    """Meta information of one pair, and the images made of it.

    The meta keys are those of :class:`mmfusenas.datasets.transforms.PackPairInputs`. Detection uses mmdet's
    ``DetDataSample`` with a ``pred_img`` of the same meaning.

    Attributes:
        pred_img (np.ndarray): Fused (enhanced, restored) image, H x W x 3, BGR, uint8, the size of ``img_shape``.
        pred_flow (np.ndarray): Field that brings the infrared image into register, H x W x 2 (x, y), pixels; of
            :class:`RegisteredFusion`.
        restored (np.ndarray): Target in high resolution, H x W or H x W x B, in its own unit; of :class:`GuidedSR`.
        guidance (np.ndarray): Map of the guidance, H x W, in units of the [0, 1] image; of
            :class:`HyperGuidedRestoration` with proxies.
        noise_level (float), denoised (bool): Noise of the [0, 1] image and whether it was removed; of
            :class:`RUASEnhancement` that decides by image.
        good (dict): Probability of ``visible`` and of ``reference`` to be a good image; of
            :class:`QualityClassifier`.

    Example:
        >>> sample = FusionDataSample(metainfo=dict(img_path='a.png', img_shape=(4, 6)))
        >>> sample.pred_img = np.zeros((4, 6, 3), np.uint8)
        >>> sample.img_shape, sample.pred_img.shape
        ((4, 6), (4, 6, 3))
    """

    @property
    def pred_img(self) -> np.ndarray:
        """Fused image, H x W x 3, BGR, uint8."""
        return self._pred_img

    @pred_img.setter
    def pred_img(self, value: np.ndarray) -> None:
        if not isinstance(value, np.ndarray) or value.ndim != 3 or value.shape[2] != 3 or value.dtype != np.uint8:
            raise InputError(
                f'pred_img is to be an array H x W x 3 of uint8, got {type(value).__name__} of shape '
                f'{getattr(value, "shape", None)} and {getattr(value, "dtype", None)}; scale the image to 0-255, '
                'round, clamp and move the channels last.'
            )
        self.set_field(value, '_pred_img', dtype=np.ndarray)

    @pred_img.deleter
    def pred_img(self) -> None:
        del self._pred_img

    @property
    def fused_img(self) -> np.ndarray:
        """The name of ``pred_img`` before; it goes with the next release."""
        _warn()
        return self.pred_img

    @fused_img.setter
    def fused_img(self, value: np.ndarray) -> None:
        _warn()
        self.pred_img = value


def predicted_image(sample: Mapping) -> np.ndarray:
    """Return ``pred_img`` of a prediction as a metric gets it; a ``fused_img`` is taken for it, with a warning."""
    if 'pred_img' not in sample and 'fused_img' in sample:
        _warn()
        return sample['fused_img']
    return sample['pred_img']


def _warn() -> None:
    warnings.warn('fused_img is called pred_img; the old name goes with the next release.', FutureWarning, stacklevel=3)
