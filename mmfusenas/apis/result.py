"""Result of an inferencer for one input, with plot and save."""
from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mmfusenas.core.renamed import RenamedKeys
from mmfusenas.datasets.images import write_image
from mmfusenas.visualization import draw_mask, enlarge


class Result(RenamedKeys):
    """A dict of what was made of one input and found in it, with two ways to look at it.

    Args:
        values: ``image`` (uint8 H x W x 3, BGR), ``boxes`` (N x 4), ``scores`` and ``labels`` (N) or None, ``mask``
            (uint8 H x W) or None, and what else an inferencer gives.
        dataset_meta: ``classes`` and ``palette`` to draw with.

    Example:
        >>> found = dict(boxes=np.array([[9, 9, 40, 50]]), scores=np.array([0.9]), labels=np.array([0]), mask=None)
        >>> result = Result(dict(image=np.zeros((60, 480, 3), np.uint8), **found), dict(classes=('person', )))
        >>> result.class_names, result.plot().shape
        (['person'], (60, 480, 3))
        >>> result.save('found.png')
    """

    OLD = dict(picture='image')

    def __init__(self, values: Mapping[str, Any], dataset_meta: Mapping[str, Any] | None = None) -> None:
        super().__init__(values)
        self.dataset_meta = dataset_meta or {}

    @property
    def class_names(self) -> list[str] | None:
        """The name of each label; None where nothing was looked for."""
        if self['labels'] is None:
            return None
        classes = self.dataset_meta.get('classes') or ()
        return [classes[label] if label < len(classes) else str(label) for label in self['labels']]

    def plot(self) -> np.ndarray:
        """Return the image with its detections or its mask drawn in, BGR, uint8; small images are enlarged."""
        image, factor = enlarge(self['image'])
        if self['mask'] is not None:
            return draw_mask(image, self['mask'], self.dataset_meta)
        if self['boxes'] is None:
            return image
        from mmfusenas.visualization import draw_detections  # there are no detections without mmdet
        return draw_detections(image, self['boxes'] * factor, self['labels'], self['scores'], self.dataset_meta)

    def save(self, path: str | Path) -> None:
        """Write what :meth:`plot` returns as PNG, JPEG, TIFF or BMP, by the suffix; missing folders are made."""
        write_image(path, self.plot())
