"""What travels with one picture pair that is fused and not detected in."""
from __future__ import annotations

import numpy as np
from mmengine.structures import BaseDataElement

from mmfusenas.core.errors import InputError


class FusionDataSample(BaseDataElement):
    """Meta information of one pair, and the pictures made of it.

    The meta keys are those of :class:`mmfusenas.datasets.transforms.PackPairInputs`. Detection uses mmdet's
    ``DetDataSample`` with a ``fused_img`` of the same meaning.

    Attributes:
        fused_img (np.ndarray): Fused (enhanced, restored) picture, H x W x 3, BGR, uint8, the size of ``img_shape``.
        pred_flow (np.ndarray): Field that brings the infrared picture into register, H x W x 2 (x, y), pixels; of
            :class:`RegisteredFusion`.
        restored (np.ndarray): Target in high resolution, H x W or H x W x B, in its own unit; of :class:`GuidedSR`.
        guidance (np.ndarray): Map of the guidance, H x W, in units of the [0, 1] picture; of
            :class:`HyperGuidedRestoration` with proxies.
        noise_level (float), denoised (bool): Noise of the [0, 1] picture and whether it was removed; of
            :class:`RUASEnhancement` that decides by picture.
        good (dict): Probability of ``visible`` and of ``reference`` to be a good picture; of
            :class:`QualityClassifier`.

    Example:
        >>> sample = FusionDataSample(metainfo=dict(img_path='a.png', img_shape=(4, 6)))
        >>> sample.fused_img = np.zeros((4, 6, 3), np.uint8)
        >>> sample.img_shape, sample.fused_img.shape
        ((4, 6), (4, 6, 3))
    """

    @property
    def fused_img(self) -> np.ndarray:
        """Fused picture, H x W x 3, BGR, uint8."""
        return self._fused_img

    @fused_img.setter
    def fused_img(self, value: np.ndarray) -> None:
        if not isinstance(value, np.ndarray) or value.ndim != 3 or value.shape[2] != 3 or value.dtype != np.uint8:
            raise InputError(
                f'fused_img is to be an array H x W x 3 of uint8, got {type(value).__name__} of shape '
                f'{getattr(value, "shape", None)} and {getattr(value, "dtype", None)}; scale the picture to 0-255, '
                'round, clamp and move the channels last.'
            )
        self.set_field(value, '_fused_img', dtype=np.ndarray)

    @fused_img.deleter
    def fused_img(self) -> None:
        del self._fused_img
