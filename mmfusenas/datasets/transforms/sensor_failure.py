"""A sensor that fails, for training against it and for measuring what it costs."""
from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from mmcv.transforms import BaseTransform

from mmfusenas.core.errors import InputError
from mmfusenas.core.renamed import renamed
from mmfusenas.datasets.images import in_form_of, largest_value
from mmfusenas.datasets.pairing import OLD_KEYS
from mmfusenas.datasets.transforms.degrading import get_generator
from mmfusenas.registry import TRANSFORMS

SENSORS = dict(visible='img', infrared='infrared')
"""Keys of the images in a sample."""


def _noisy(image: np.ndarray, sigma: float, largest: float, rng: np.random.Generator) -> np.ndarray:
    return image + rng.normal(0, sigma * largest, image.shape)


def _shifted(image: np.ndarray, pixels: float, largest: float, rng: np.random.Generator) -> np.ndarray:
    columns = np.arange(image.shape[1]) - round(pixels)
    return image[:, columns.clip(0, image.shape[1] - 1)]


_FAILURES: Mapping[str, Callable[[np.ndarray, float, float, np.random.Generator], np.ndarray]] = dict(
    black=lambda image, amount, largest, rng: np.zeros_like(image),
    gain=lambda image, amount, largest, rng: image * float(amount),  # an int would wrap around
    noise=_noisy,
    shift=_shifted,
)


def other_in_form(results: Mapping, sensor: str, bit_depth: Mapping[str, int]) -> np.ndarray:
    """Return the image of the other sensor of a pair in the form and range of this one's."""
    other = 'infrared' if sensor == 'visible' else 'visible'
    return in_form_of(results[SENSORS[other]], results[SENSORS[sensor]], bit_depth.get(other), bit_depth.get(sensor))


@TRANSFORMS.register_module()
class SensorFailure(BaseTransform):
    """Spoil the image of one sensor of a pair, with a probability; the other one and the boxes stay.

    Required keys: ``img`` (visible, H x W x 3) and ``infrared`` (H x W), of 8 or 16 bit, or float32 in 0-255. One of
    them is changed; its shape and type stay, and values are clipped to the range.

    Args:
        sensor: ``'visible'``, ``'infrared'``, or ``'either'``: one of the two is drawn for every sample.
        failure: ``'black'``: all pixels are 0. ``'gain'``: times ``amount``, which is too dark below 1 and
            saturates well above it. ``'noise'``: Gaussian, of ``amount`` times the range. ``'shift'``: by ``amount``
            pixels to the right, the border repeated. ``'other'``: the other sensor's image in its place, as a user with
            one sensor would feed a network of two. Defaults to 'black'.
        amount: Of the failure, see there; a pair (least, largest) is drawn from for every sample. Defaults to 1.0.
        prob: Share of the samples that it happens to. Defaults to 1.0.
        seed: Seed of every sample, with its ``img_id``, for tests; None takes the global generator. Defaults to None.
        bit_depth: Bits that the files of a sensor really hold, as in :class:`PairDataPreprocessor`. Defaults to None.

    Raises:
        ValueError: Another sensor or failure, a negative amount, a ``prob`` outside [0, 1], or a sample of one sensor.

    Example:
        >>> pair = dict(img=np.full((4, 6, 3), 90, np.uint8), infrared=np.full((4, 6), 200, np.uint8))
        >>> spoiled = SensorFailure('infrared', 'gain', amount=2.0)(pair)
        >>> spoiled['img'].max(), spoiled['infrared'].min()
        (np.uint8(90), np.uint8(255))
    """

    def __init__(self, sensor: str = 'either', failure: str = 'black',
                 amount: float | tuple[float, float] = 1.0, prob: float = 1.0, seed: int | None = None,
                 bit_depth: Mapping[str, int] | None = None) -> None:
        amounts = tuple(amount) if isinstance(amount, (tuple, list)) else (amount, amount)
        if sensor not in (*SENSORS, 'either') or failure not in (*_FAILURES, 'other'):
            raise InputError(f'SensorFailure got sensor={sensor!r} and failure={failure!r}: sensors are '
                             f'{[*SENSORS, "either"]}, failures {[*_FAILURES, "other"]}.')
        if len(amounts) != 2 or not 0 <= amounts[0] <= amounts[1] or not 0 <= prob <= 1:
            raise InputError(f'SensorFailure got amount={amount} and prob={prob}: an amount is not negative, or a pair '
                             '(least, largest) of such numbers, and prob is from 0 to 1.')
        self.sensor, self.failure, self.amounts, self.prob, self.seed = sensor, failure, amounts, prob, seed
        self.bit_depth = dict(bit_depth or {})

    def transform(self, results: dict) -> dict:
        """Spoil ``img`` or ``infrared``."""
        results = renamed(results, OLD_KEYS)
        missing = [key for key in SENSORS.values() if key not in results]
        if missing:
            raise InputError(f'SensorFailure needs a pair; {results.get("img_path", "the sample")} has no '
                             f'{missing[0]}.')
        rng = get_generator(results, self.seed)
        happens = rng.random() < self.prob
        sensor = str(rng.choice(list(SENSORS))) if self.sensor == 'either' else self.sensor
        if happens:
            key, bits = SENSORS[sensor], self.bit_depth.get(sensor)
            results[key] = (other_in_form(results, sensor, self.bit_depth) if self.failure == 'other'
                            else self._spoil(results[key], largest_value(results[key], bits), rng))
        return results

    def _spoil(self, image: np.ndarray, largest: float, rng: np.random.Generator) -> np.ndarray:
        low, high = self.amounts
        amount = rng.uniform(low, high) if low < high else low
        spoiled = _FAILURES[self.failure](image, amount, largest, rng).clip(0, largest)
        return (spoiled if image.dtype.kind == 'f' else np.rint(spoiled)).astype(image.dtype)

    def __repr__(self) -> str:
        return (f'{type(self).__name__}(sensor={self.sensor!r}, failure={self.failure!r}, amount={self.amounts}, '
                f'prob={self.prob}, seed={self.seed}, bit_depth={self.bit_depth})')
