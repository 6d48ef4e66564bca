"""Result of an inferencer for one input, with plot and save."""
from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmfusenas.core.renamed import RenamedKeys
from mmfusenas.datasets.images import write_image
from mmfusenas.visualization import draw_mask, enlarge


class Result(RenamedKeys):
    """A dict of what was made of one input and found in it, with two ways to look at it.

    Its ``repr`` is one line: which images, their size, the boxes by class or the classes of the map, the seconds.

    Args:
        values: ``image`` (uint8 H x W x 3, BGR), ``boxes`` (N x 4), ``scores`` and ``labels`` (N) or None, ``mask``
            (uint8 H x W) or None, and what else an inferencer gives.
        dataset_meta: ``classes`` and ``palette`` to draw with.
        paths: Files of the input, or what is said in the place of an array's.
        seconds: That the model took for it, without reading; of a batch its share.

    Example:
        >>> found = dict(boxes=np.array([[9, 9, 40, 50]]), scores=np.array([0.9]), labels=np.array([0]), mask=None)
        >>> values = dict(image=np.zeros((60, 480, 3), np.uint8), **found)
        >>> result = Result(values, dict(classes=('person', )), ['a.png'])
        >>> result
        Result(a.png, 480 x 60, 1 box: 1 person)
        >>> result.class_names, result.plot().shape
        (['person'], (60, 480, 3))
        >>> result.save('found.png')
    """

    OLD = dict(picture='image')

    def __init__(self, values: Mapping[str, Any], dataset_meta: Mapping[str, Any] | None = None,
                 paths: Sequence[str] = (), seconds: float | None = None) -> None:
        super().__init__(values)
        self.dataset_meta = dataset_meta or {}
        self.paths, self.seconds = tuple(paths), seconds

    def copy(self) -> Result:
        return type(self)(self, self.dataset_meta, self.paths, self.seconds)

    def __repr__(self) -> str:
        parts = list(dict.fromkeys(Path(path).name for path in self.paths))  # a pair often has one name
        image = self.get('image')
        if image is not None:
            parts.append(f'{image.shape[1]} x {image.shape[0]}')
        if self.get('labels') is not None:
            number = len(self['labels'])
            kinds = ', '.join(f'{count} {name}' for name, count in Counter(self.class_names).most_common())
            parts.append(f'{number} box{"es" * (number != 1)}{f": {kinds}" if kinds else ""}')
        if self.get('mask') is not None:
            parts.append(f'map of {", ".join(map(self._class_name, np.unique(self["mask"])))}')
        if self.get('replaced'):
            parts.append(f'{self["replaced"]} image replaced')
        if self.seconds is not None:
            parts.append(f'{self.seconds:.2f} s')
        return f'{type(self).__name__}({", ".join(parts)})'

    @property
    def class_names(self) -> list[str] | None:
        """The name of the class of each box, in the order of ``boxes``; None where nothing was looked for."""
        return None if self['labels'] is None else [self._class_name(label) for label in self['labels']]

    def _class_name(self, label: int) -> str:
        classes = self.dataset_meta.get('classes') or ()
        return classes[label] if label < len(classes) else str(label)

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
