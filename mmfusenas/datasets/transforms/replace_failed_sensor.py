"""The other sensor's image in the place of one of no use."""
from __future__ import annotations

from collections.abc import Mapping

from mmcv.transforms import BaseTransform

from mmfusenas.core.errors import InputError
from mmfusenas.datasets.sensor_fault import failed_sensor
from mmfusenas.datasets.transforms.sensor_failure import SENSORS, other_in_form
from mmfusenas.registry import TRANSFORMS


@TRANSFORMS.register_module()
class ReplaceFailedSensor(BaseTransform):
    """Put the other image in the place of one that is dark, saturated, noisy or of one value.

    As ``missing='fallback'`` of :class:`~mmfusenas.apis.fusion_inferencer.FusionInferencer` does, for tests. Where
    neither image or both are of no use (:func:`~mmfusenas.datasets.sensor_fault.failed_sensor`), the pair stays.

    Required keys: ``img`` (visible, H x W x 3) and ``infrared`` (H x W), of 8 or 16 bit, or floats in 0-255. The image
    that is put in gets the channels, type and range of the one it replaces.

    Args:
        bit_depth: Bits that the files of a sensor really hold, as in :class:`PairDataPreprocessor`. Defaults to None.

    Raises:
        ValueError: A sample of one sensor.

    Example:
        >>> day = np.linspace(0, 200, 4096).astype(np.uint8).reshape(64, 64)
        >>> pair = ReplaceFailedSensor()(dict(img=np.zeros((64, 64, 3), np.uint8), infrared=day))
        >>> pair['img'].shape, (pair['img'][..., 0] == day).all()
        ((64, 64, 3), np.True_)
    """

    def __init__(self, bit_depth: Mapping[str, int] | None = None) -> None:
        self.bit_depth = dict(bit_depth or {})

    def transform(self, results: dict) -> dict:
        """Replace ``img`` or ``infrared``."""
        missing = [key for key in SENSORS.values() if key not in results]
        if missing:
            raise InputError(f'ReplaceFailedSensor needs a pair; {results.get("img_path", "the sample")} has no '
                             f'{missing[0]}.')
        failed = failed_sensor({sensor: results[key] for sensor, key in SENSORS.items()},
                               {sensor: 2 ** bits - 1 for sensor, bits in self.bit_depth.items()})
        if failed:
            results[SENSORS[failed]] = other_in_form(results, failed, self.bit_depth)
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(bit_depth={self.bit_depth})'
