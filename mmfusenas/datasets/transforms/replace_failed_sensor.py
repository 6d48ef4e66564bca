"""The other sensor's image in the place of one of no use."""
from __future__ import annotations

from mmcv.transforms import BaseTransform

from mmfusenas.core.errors import InputError
from mmfusenas.datasets.images import in_form_of
from mmfusenas.datasets.sensor_fault import failed_sensor
from mmfusenas.datasets.transforms.sensor_failure import SENSORS
from mmfusenas.registry import TRANSFORMS


@TRANSFORMS.register_module()
class ReplaceFailedSensor(BaseTransform):
    """Put the other image in the place of one that is dark, saturated, noisy or of one value.

    As ``missing='fallback'`` of :class:`~mmfusenas.apis.fusion_inferencer.FusionInferencer` does, for tests. Where
    neither image or both are of no use (:func:`~mmfusenas.datasets.sensor_fault.failed_sensor`), the pair stays.

    Required keys: ``img`` (visible, H x W x 3) and ``infrared`` (H x W), of 8 or 16 bit, or floats in 0-255. The image
    that is put in gets the channels, type and range of the one it replaces. Files of fewer bits than their type has
    (``bit_depth`` of the preprocessor) would all be dark: bring them to 16 bit by ``thermal`` of the loading.

    Raises:
        ValueError: A sample of one sensor.

    Example:
        >>> day = np.linspace(0, 200, 4096).astype(np.uint8).reshape(64, 64)
        >>> pair = ReplaceFailedSensor()(dict(img=np.zeros((64, 64, 3), np.uint8), infrared=day))
        >>> pair['img'].shape, (pair['img'][..., 0] == day).all()
        ((64, 64, 3), np.True_)
    """

    def transform(self, results: dict) -> dict:
        """Replace ``img`` or ``infrared``."""
        missing = [key for key in SENSORS.values() if key not in results]
        if missing:
            raise InputError(f'ReplaceFailedSensor needs a pair; {results.get("img_path", "the sample")} has no '
                             f'{missing[0]}.')
        failed = failed_sensor({sensor: results[key] for sensor, key in SENSORS.items()})
        if failed:
            other = results[SENSORS['infrared' if failed == 'visible' else 'visible']]
            results[SENSORS[failed]] = in_form_of(other, results[SENSORS[failed]])
        return results
