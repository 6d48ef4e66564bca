"""A sensor that shows an earlier moment, for training against it and for measuring what it costs."""
from __future__ import annotations

from os import path as osp

import numpy as np
from mmcv.transforms import BaseTransform

from mmfusenas.core.errors import InputError
from mmfusenas.datasets.pairing import PATHS, get_stem, list_images
from mmfusenas.datasets.sequences import find_sequences
from mmfusenas.datasets.transforms.sensor_failure import SENSORS
from mmfusenas.registry import TRANSFORMS


@TRANSFORMS.register_module()
class FrozenSensor(BaseTransform):
    """Give one sensor the image of an earlier moment, with a probability; the other sensor and the boxes stay.

    It stands before the loading. Required keys: ``img_path`` (visible) or ``infrared_path``, those of the sensor. One
    of them is changed to another file of its folder, which the loading reads as it would the first. A panel that a
    test draws has the name of the visible file that was read.

    The moments are the files of a folder in the order of the last number in their names, as
    :func:`~mmfusenas.datasets.sequences.find_sequences` has it: no image is of another recording, by day and by night
    for instance (``00591D``, ``00681N``). The image at place p of its recording, from 0, becomes the one at
    p - p mod ``every`` - ``frames``, or the first one where that is below 0. What time lies between two images is up to
    the data set.

    Args:
        sensor: ``'visible'``, ``'infrared'``, or ``'either'``: one of the two is drawn for every sample.
        frames: How many images ago the sensor froze; a pair (least, largest) is drawn from for every sample. Defaults
            to 0.
        every: The sensor has a new image at every so manieth moment alone, and shows that one until the next. 2 is half
            the rate. Defaults to 1.
        prob: Share of the samples that it happens to. Defaults to 1.0.
        gap: Largest step between the numbers of two files that follow each other in a recording. Defaults to 10.

    Raises:
        ValueError: Another sensor, negative ``frames``, ``every`` below 1, neither of the two changes an image, a
            ``prob`` outside [0, 1], a sample that lacks the sensor, has both in one file or is loaded already, a
            folder without a recording, or a file that is not there or has the stem of another one.

    Example:
        >>> from mmfusenas.datasets.images import write_image
        >>> for number in range(4):
        ...     write_image(f'ir/{number}N.png', np.zeros((4, 6), np.uint8))
        >>> def shown(number, **kwargs):
        ...     paths = dict(img_path=f'vi/{number}N.png', infrared_path=f'ir/{number}N.png')
        ...     return FrozenSensor('infrared', **kwargs)(paths)['infrared_path']
        >>> shown(3, frames=2), [shown(number, every=2) for number in (2, 3)]
        ('ir/1N.png', ['ir/2N.png', 'ir/2N.png'])
    """

    def __init__(self, sensor: str = 'either', frames: int | tuple[int, int] = 0, every: int = 1, prob: float = 1.0,
                 gap: int = 10) -> None:
        limits = tuple(frames) if isinstance(frames, (tuple, list)) else (frames, frames)
        if sensor not in (*SENSORS, 'either'):
            raise InputError(f'FrozenSensor got sensor={sensor!r}; it is one of {[*SENSORS, "either"]}.')
        if len(limits) != 2 or not 0 <= limits[0] <= limits[1] or every < 1 or not 0 <= prob <= 1:
            raise InputError(f'FrozenSensor got frames={frames}, every={every} and prob={prob}: frames is not '
                             'negative, or a pair (least, largest) of such numbers, every at least 1, and prob from 0 '
                             'to 1.')
        if limits[1] == 0 and every == 1:
            raise InputError('FrozenSensor changes nothing with frames=0 and every=1: give frames=1 for a sensor that '
                             'froze an image ago, or every=2 for half the rate.')
        self.sensor, self.limits, self.every, self.prob, self.gap = sensor, limits, every, prob, gap
        self._places: dict[str, dict[str, tuple[list[str], int]]] = {}

    def transform(self, results: dict) -> dict:
        """Change ``img_path`` or ``infrared_path``."""
        sensor = str(np.random.choice(list(SENSORS))) if self.sensor == 'either' else self.sensor
        key = PATHS[SENSORS[sensor]]
        if 'img' in results:
            raise InputError(f'FrozenSensor changes paths, and {results.get("img_path", "the sample")} is loaded: put '
                             'it before the loading. Scenes that are drawn have no earlier moment.')
        if key not in results or results.get('infrared_path') == results.get('img_path'):
            raise InputError(f'FrozenSensor needs {sensor} images in files of their own; '
                             f'{results.get("img_path", "the sample")} has none.')
        if np.random.random() < self.prob:
            results[key] = self._earlier(results[key])
        return results

    def _earlier(self, path: str) -> str:
        """Return the file that the sensor shows in the place of ``path``."""
        folder, name = osp.split(path)
        if folder not in self._places:
            self._places[folder] = _places(folder, self.gap)
        if name not in self._places[folder]:
            raise InputError(f'FrozenSensor does not find {path} among the moments of its folder: it is not there, or '
                             'another file there has its name with another suffix.')
        recording, place = self._places[folder][name]
        shown = place - place % self.every - np.random.randint(self.limits[0], self.limits[1] + 1)
        return osp.join(folder, recording[max(shown, 0)])

    def __repr__(self) -> str:
        return (f'{type(self).__name__}(sensor={self.sensor!r}, frames={self.limits}, every={self.every}, '
                f'prob={self.prob}, gap={self.gap})')


def _places(folder: str, gap: int) -> dict[str, tuple[list[str], int]]:
    """Return the recording of each file, as names in order, and its place in it."""
    names = {get_stem(path): osp.basename(path) for path in list_images(folder)}
    recordings = [[names[stem] for stem in stems] for stems in find_sequences(names, gap)]
    if max(map(len, recordings), default=0) < 2:
        raise InputError(f'FrozenSensor finds no recording in {folder}: no two names have the same text round numbers '
                         f'that are at most gap={gap} apart.')
    return {name: (recording, place) for recording in recordings for place, name in enumerate(recording)}
