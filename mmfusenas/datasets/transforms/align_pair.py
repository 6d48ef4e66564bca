"""The two images of a pair brought onto each other by a shift."""
from __future__ import annotations

from mmcv.transforms import BaseTransform

from mmfusenas.core.errors import InputError
from mmfusenas.datasets.offset import PairAligner
from mmfusenas.datasets.transforms.sensor_failure import SENSORS
from mmfusenas.registry import TRANSFORMS


@TRANSFORMS.register_module()
class AlignPair(BaseTransform):
    """Shift the image of one sensor onto that of the other where they lie apart (:class:`PairAligner`).

    Each pair by itself, as ``align`` of :class:`~mmfusenas.apis.fusion_inferencer.FusionInferencer` does with a first
    pair, for tests: cameras that were moved, or a sensor that lags behind. Boxes and maps stay: they are those of the
    image of ``reference``. After ``LoadPairFromFile(homography=...)`` it sees visible values where infrared does not
    see, which are in register; the inferencer looks for the shift before.

    Required keys: ``img`` (visible, H x W x 3) and ``infrared`` (H x W), of 8 or 16 bit, or floats in 0-255.

    Args:
        reference: The sensor whose image stays: ``'visible'`` or ``'infrared'``. Defaults to ``'visible'``.

    Raises:
        ValueError: Another reference, a sample of one sensor, or images of two sizes.

    Example:
        >>> image = np.random.default_rng(0).integers(0, 256, (12, 16), np.uint8).repeat(8, 0).repeat(8, 1)
        >>> pair = dict(img=np.stack([image] * 3, -1), infrared=np.roll(image, 10, 1))
        >>> bool((AlignPair()(pair)['infrared'][:, :-10] == image[:, :-10]).all())
        True
    """

    def __init__(self, reference: str = 'visible') -> None:
        self.reference = PairAligner(reference).reference

    def transform(self, results: dict) -> dict:
        """Shift ``img`` or ``infrared``."""
        missing = [key for key in SENSORS.values() if key not in results]
        if missing:
            raise InputError(f'AlignPair needs a pair; {results.get("img_path", "the sample")} has no {missing[0]}.')
        align = PairAligner(self.reference)
        results['img'], results['infrared'], _ = align(results['img'], results['infrared'])
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(reference={self.reference!r})'
