"""The MultiSpectral set of Takumi et al."""
from __future__ import annotations

from mmfusenas.core.errors import InputError
from mmfusenas.datasets.annotations import read_voc
from mmfusenas.datasets.pair_dataset import PairDataset
from mmfusenas.registry import DATASETS


@DATASETS.register_module()
class MultiSpectralDataset(PairDataset):
    """Multispectral object detection for autonomous vehicles (Takumi et al., 2017): 2 999 views by four cameras.

    Layout as published (``ir_det_dataset``): ``ConvertedImages/{rgb,fir,mir,nir}`` (320 x 256, brought to one view)
    and ``Annotations_ConvertedSummarized`` (Pascal VOC, the boxes of all four). ``vis_ok`` holds the views whose
    registration was found good. Some boxes have exchanged corners or lie outside after the conversion, so they are
    left out by default.

    Other arguments and errors as of :class:`PairDataset`.

    Args:
        infrared: The camera of the second image: ``'fir'`` (far), ``'mir'`` (middle) or ``'nir'`` (near infrared).
        data_prefix: As of :class:`PairDataset`; None is the published layout.
        bad_boxes: As of :class:`PairDataset`.

    Example:
        >>> MultiSpectralDataset('nir', data_root='data/ir_det_dataset', lazy_init=True).data_prefix['infrared']
        'data/ir_det_dataset/ConvertedImages/nir'
    """

    METAINFO = dict(
        classes=('color_cone', 'car_stop', 'car', 'person', 'bike'),
        names=('color_cone', 'car_stop', 'car', 'person', 'bike', 'bump', 'hole', 'animal'),
        palette=[(255, 128, 0), (255, 220, 0), (60, 110, 255), (255, 60, 60), (60, 220, 90)],
    )
    READER = staticmethod(read_voc)
    ANNOTATION_SUFFIX = '.xml'
    PREFIX = dict(
        img='ConvertedImages/rgb', infrared='ConvertedImages/fir', ann='Annotations_ConvertedSummarized')

    def __init__(
        self, infrared: str = 'fir', data_prefix: dict | None = None, bad_boxes: str = 'drop', **kwargs
    ) -> None:
        if infrared not in ('fir', 'mir', 'nir'):
            raise InputError(f"MultiSpectralDataset: infrared is 'fir', 'mir' or 'nir', got {infrared!r}.")
        published = {**self.PREFIX, 'infrared': f'ConvertedImages/{infrared}'}
        super().__init__(data_prefix=data_prefix or published, bad_boxes=bad_boxes, **kwargs)
