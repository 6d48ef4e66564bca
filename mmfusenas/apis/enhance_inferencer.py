"""Brightening and restoring single images, and detecting or segmenting in them, from Python."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from mmfusenas.apis.arguments import Image, image_name
from mmfusenas.apis.base_inferencer import BaseInferencer
from mmfusenas.core.errors import InputError
from mmfusenas.datasets.images import ImageError, checked_array, read_visible, to_colour
from mmfusenas.datasets.transforms.load_kernel import read_kernel
from mmfusenas.models.restorers.ruas_enhancement import RUASEnhancement
from mmfusenas.models.scene.ruas_scene import RUASScene


class EnhanceInferencer(BaseInferencer):
    """Enhance images of one sensor, and detect or segment in them where the model has a detector or a segmentor.

    Results are those of :class:`BaseInferencer`; a :class:`HyperGuidedRestoration` adds ``guidance``, its map of the
    noise, the rain or the haze (H x W).

    Args:
        *args: As of :class:`BaseInferencer`.
        kernel: Blur kernel of the images, as a file (:func:`read_kernel`) or K x K with an odd K; or a folder with
            one of each image, STEM.npy or STEM.png; None where nothing is blurred. Defaults to None.
        denoise: ``'adaptive'``, ``'always'`` or ``'never'``: the version RUAS_A, RUAS or RUAS_s of a
            :class:`RUASEnhancement`. Defaults to None, the model's own.
        strength: How far a :class:`RUASScene` brightens, from 0, not at all, to 1: the illumination to that power.
            Defaults to None, 1.
        **kwargs: As of :class:`BaseInferencer`.

    Raises:
        ValueError: If the model does not deblur, has no such version or no illumination, or the strength is out of
            range, and what :class:`BaseInferencer` raises.
        ImageError: If the kernel is none.

    Example:
        >>> infer = EnhanceInferencer('ruas-lowlight')
        >>> infer(np.full((61, 83, 3), 20, np.uint8))['image'].shape
        (61, 83, 3)
    """

    sensors = ('visible',)
    otherwise = 'Use FusionInferencer, or tools/infer.py --visible PATH --infrared PATH.'

    def __init__(self, *args: Any, kernel: str | Path | np.ndarray | None = None, denoise: str | None = None,
                 strength: float | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kernel = kernel
        if isinstance(kernel, (str, Path)) and Path(kernel).is_dir():
            self.kernel = Path(kernel)
        elif kernel is not None:
            self.kernel = read_kernel(kernel)
        if self.kernel is not None and not getattr(self.scene, 'takes_kernel', False):
            raise InputError(f'{type(self.scene).__name__} does not deblur: it takes no kernel.')
        if denoise is not None:
            if not isinstance(self.scene, RUASEnhancement):
                raise InputError(f'{type(self.scene).__name__} has no version denoise={denoise!r}; give none.')
            self.scene.denoise = denoise
        if strength is not None:
            scene = getattr(self.scene, 'scene', self.scene)  # that of a RUASEnhancement
            if not isinstance(scene, RUASScene) or not 0 <= strength <= 1:
                raise InputError(f'{type(scene).__name__} got strength={strength!r}; a RUASScene takes 0 to 1.')
            scene.strength = strength

    def read(self, image: Image) -> dict[str, Any]:
        """Return what a data set would hand to its pipeline after loading.

        Args:
            image: Path, or array H x W x 3 (BGR) or H x W, of 8 or 16 bit, as ``mmcv.imread`` gives.

        Raises:
            ValueError: If it holds NaN.
            ImageError: If the file is missing or unreadable, or there is no kernel of it.
        """
        path = image_name(image, 'image')
        image = image if isinstance(image, np.ndarray) else read_visible(path)
        image = to_colour(checked_array(image, path))
        kernel = {} if self.kernel is None else dict(kernel=self._kernel_of(path))
        return dict(kernel, img=image, img_path=path, img_id=0, img_shape=image.shape[:2],
                    ori_shape=image.shape[:2])

    def _kernel_of(self, path: str) -> np.ndarray:
        """Return the kernel of an image."""
        if isinstance(self.kernel, np.ndarray):
            return self.kernel
        files = [self.kernel / f'{Path(path).stem}{suffix}' for suffix in ('.npy', '.png')]
        found = [file for file in files if file.is_file()]
        if not found:
            raise ImageError(f'There is no kernel of {path}: neither {files[0]} nor {files[1].name}.')
        return read_kernel(found[0])
