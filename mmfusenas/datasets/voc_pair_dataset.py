"""Pairs with Pascal VOC annotations."""
from __future__ import annotations

from functools import partial

from mmfusenas.datasets.annotations import Annotation, read_voc
from mmfusenas.datasets.images import image_size
from mmfusenas.datasets.pair_dataset import PairDataset
from mmfusenas.registry import DATASETS


@DATASETS.register_module()
class VOCPairDataset(PairDataset):
    """Pairs with a Pascal VOC file each; ``difficult`` boxes are ignored in training and scoring.

    Other arguments and errors as of :class:`PairDataset`.

    Args:
        one_based: Whether the first pixel is number 1, as in Pascal VOC itself; labelImg and the published pair sets
            count from 0.

    Example:
        >>> from pathlib import Path
        >>> from mmfusenas.datasets.images import write_image
        >>> for path in ('vi/1.png', 'ir/1.png'):
        ...     write_image(path, np.zeros((40, 60), np.uint8))
        >>> Path('Annotations').mkdir()
        >>> _ = Path('Annotations/1.xml').write_text(
        ...     '<annotation><object><name>car</name><bndbox><xmin>5</xmin><ymin>10</ymin><xmax>25</xmax>'
        ...     '<ymax>30</ymax></bndbox></object></annotation>')
        >>> VOCPairDataset(metainfo=dict(classes=('person', 'car')))[0]['instances']
        [{'bbox': [5.0, 10.0, 25.0, 30.0], 'bbox_label': 1, 'ignore_flag': 0}]
    """

    READER = staticmethod(read_voc)
    ANNOTATION_SUFFIX = '.xml'
    PREFIX = dict(img='vi', infrared='ir', ann='Annotations')

    def __init__(self, one_based: bool = False, **kwargs) -> None:
        self.one_based = one_based
        super().__init__(**kwargs)

    def read_annotation(self, text: str, path: str, image: str) -> Annotation:
        """Read one file."""
        size_of = partial(image_size, image, self.backend_args)
        return read_voc(text, path, self._names(), size_of, self.one_based)
