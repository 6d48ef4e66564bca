"""Images or pairs with a segmentation map each."""
from __future__ import annotations

from mmengine import fileio

from mmfusenas.datasets.pair_dataset import PairDataset
from mmfusenas.datasets.problems import Problem
from mmfusenas.registry import DATASETS


@DATASETS.register_module()
class PairSegDataset(PairDataset):
    """Images of one sensor, or pairs of a visible and an infrared one, with a map of class numbers, for mmseg.

    The map is the file of the visible stem in the folder ``seg``. ``LoadSegMap`` reads it, or mmseg's own
    ``LoadAnnotations``.

    Other arguments and errors as of :class:`PairDataset`; an image without a map is an error.

    Args:
        data_prefix: ``img`` and ``seg``, and ``infrared`` and ``reference`` where there are any: folders below
            ``data_root``. None
            is the class's ``PREFIX``.
        seg_map_suffix: Suffix of the maps. Defaults to '.png'.
        label_map: Class numbers by number in the files, where they differ: ``{255: 1}`` for a mask of black and white.
        reduce_zero_label: Whether number 0 is to be ignored and the others count from 0, as in mmseg.
        **kwargs: As of :class:`PairDataset`; ``metainfo`` gives ``classes``, in the order of their numbers, and
            ``palette``.

    Example:
        >>> from mmfusenas.datasets.images import write_image
        >>> for path in ('vi/1.png', 'ir/1.png', 'labels/1.png'):
        ...     write_image(path, np.zeros((4, 6), np.uint8))
        >>> PairSegDataset(metainfo=dict(classes=('road', 'car')))[0]['seg_map_path']
        'labels/1.png'
    """

    PREFIX = dict(img='vi', infrared='ir', seg='labels')

    def __init__(self, data_root: str = '', data_prefix: dict | None = None, seg_map_suffix: str = '.png',
                 label_map: dict[int, int] | None = None, reduce_zero_label: bool = False, **kwargs) -> None:
        self.seg_map_suffix = seg_map_suffix
        self.label_map = label_map
        self.reduce_zero_label = reduce_zero_label
        super().__init__(data_root=data_root, data_prefix=data_prefix, **kwargs)

    def scan(self) -> tuple[list[dict], list[Problem]]:
        """Read the set and list what is wrong with it; every sample also has what mmseg's loading asks for."""
        infos, problems = super().scan()
        if not self.metainfo.get('classes'):
            return [], [Problem('error', 'no classes', type(self).__name__, 'set metainfo=dict(classes=(...))')]
        for info in infos:
            path = self.beside(info['img_path'], 'seg', self.seg_map_suffix)
            info.update(seg_map_path=path, reduce_zero_label=self.reduce_zero_label,
                        label_map=self.label_map, num_classes=len(self.metainfo['classes']), seg_fields=[])
            if not fileio.exists(path, backend_args=self.backend_args):
                problems.append(Problem('error', 'image without segmentation map', info['img_path'],
                                        f'no such file: {path}'))
        return infos, problems
