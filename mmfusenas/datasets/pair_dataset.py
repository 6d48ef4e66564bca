"""Picture pairs in two folders or two lists, with or without boxes."""
from __future__ import annotations

from collections.abc import Callable
from functools import partial
from os import path as osp

from mmengine import fileio
from mmengine.dataset import BaseDataset

from mmfusenas.datasets.annotations import Annotation, settle_box, unknown_class
from mmfusenas.datasets.pairing import Pair, pair_sources, read_list
from mmfusenas.datasets.pictures import PictureError, picture_size
from mmfusenas.datasets.problems import DatasetError, Problem, report
from mmfusenas.registry import DATASETS


@DATASETS.register_module()
class PairDataset(BaseDataset):
    """Pairs of a visible and an infrared picture; by itself without boxes, for fusion.

    A format is added by a subclass with a ``READER`` (:class:`YOLOPairDataset`, :class:`VOCPairDataset`), and a
    published set by a subclass with ``READER``, ``METAINFO`` and the folders ``PREFIX``.

    Args:
        data_root: Folder of the set.
        data_prefix: ``img`` (visible), ``img2`` (infrared) and, for boxes, ``ann``: folders below ``data_root``.
            ``img`` and ``img2`` may both be ``.txt`` lists of one path a line, which belong together line by line. None
            is the class's ``PREFIX``.
        split: Text file of one stem a line, below ``data_root``; only those pairs are read, in this order.
        fold: (k, n): every n-th pair from the k-th on, counted from 0. (0, 2) and (1, 2) are the two halves that the
            weights and the choices of a search learn from. None: all.
        bad_boxes: ``'error'``, or ``'drop'``: leave out boxes without area, outside the picture or malformed.
        unlabelled: ``'error'``, or ``'empty'``: a picture without annotation file has no objects.
        backend_args: Arguments of mmengine's file backend.
        metainfo: ``classes`` to detect and, where the files hold more, ``names``: all of theirs (YOLO: in the order of
            their numbers). For named sets ``names`` is known, so ``classes`` may be any part of it.
        kwargs: As of mmengine's ``BaseDataset``: pipeline, test_mode, filter_cfg (``filter_empty_gt``, ``min_size``),
            indices, lazy_init, serialize_data, max_refetch.

    Raises:
        DatasetError: Files without a partner, stems of the split without files, bad boxes, unknown classes, or
            nothing at all: with the first cases and their number.
    """

    READER: Callable[..., Annotation] | None = None
    ANNOTATION_SUFFIX = ''
    PREFIX = dict(img='vi', img2='ir')

    def __init__(
        self,
        data_root: str = '',
        data_prefix: dict | None = None,
        split: str = '',
        fold: tuple[int, int] | None = None,
        bad_boxes: str = 'error',
        unlabelled: str = 'error',
        backend_args: dict | None = None,
        **kwargs,
    ) -> None:
        if bad_boxes not in ('error', 'drop'):
            raise ValueError(f"bad_boxes is 'error' or 'drop', got {bad_boxes!r}.")
        if unlabelled not in ('error', 'empty'):
            raise ValueError(f"unlabelled is 'error' or 'empty', got {unlabelled!r}.")
        if fold is not None and not 0 <= fold[0] < fold[1]:
            raise ValueError(f'fold of a {type(self).__name__} is (k, n) with 0 <= k < n, got {fold}.')
        prefix = data_prefix or self.PREFIX
        if set(prefix) != set(self.PREFIX):
            raise ValueError(f'data_prefix of {type(self).__name__} needs {sorted(self.PREFIX)}, got {sorted(prefix)}.')
        self.split = osp.join(data_root, split) if split else ''
        self.fold = fold
        self.bad_boxes = bad_boxes
        self.unlabelled = unlabelled
        self.backend_args = backend_args
        super().__init__(data_root=data_root, data_prefix=prefix, **kwargs)

    def load_data_list(self) -> list[dict]:
        """Read the set, or raise all that is wrong with it."""
        infos, problems = self.survey()
        report(problems, f'{type(self).__name__} in {self.data_root or "."}')
        return infos

    def survey(self) -> tuple[list[dict], list[Problem]]:
        """Read the set and list what is wrong with it, without stopping at the first.

        Returns:
            For every pair ``img_id`` (a whole number), ``img_path``, ``img_path2`` and, with boxes, ``height``,
            ``width`` and ``instances`` (``bbox``, ``bbox_label``, ``ignore_flag``); and the problems.
        """
        try:
            pairs, problems = pair_sources(self.data_prefix['img'], self.data_prefix['img2'], self.backend_args)
            problems += self._missing_files(pairs)
            if self.split:
                pairs, problems = self._select(pairs, problems)
        except FileNotFoundError as error:
            return [], [Problem('error', 'nothing found', self.data_root or '.', str(error))]
        if self.fold:
            pairs = pairs[self.fold[0]::self.fold[1]]
        infos = [dict(img_id=i, img_path=p.visible, img_path2=p.infrared) for i, p in enumerate(pairs)]
        if self.READER is not None:
            unknown = self._check_classes()
            if unknown:
                return [], problems + unknown
            for pair, info in zip(pairs, infos):
                problems += self._annotate(pair, info)
        return infos, problems

    def filter_data(self) -> list[dict]:
        """Leave out what ``filter_cfg`` says; as in mmdet, not in test mode."""
        infos = self.data_list
        if not self.test_mode and self.filter_cfg:
            if self.filter_cfg.get('filter_empty_gt', False):
                if self.READER is None:
                    raise ValueError(f'filter_empty_gt needs boxes, and {type(self).__name__} has none; leave it out.')
                infos = [info for info in infos if info['instances']]
            smallest = self.filter_cfg.get('min_size', 0)
            if smallest:
                infos = [info for info in infos if min(self._size(info)) >= smallest]
        if not infos:
            raise DatasetError(
                f'{type(self).__name__} has no pair left of {len(self.data_list)} after filter_cfg={self.filter_cfg}; '
                f'looked in {dict(self.data_prefix)}, split={self.split or None}.'
            )
        return infos

    def get_cat_ids(self, idx: int) -> list[int]:
        """Return the class numbers of one picture, for mmdet's ClassBalancedDataset."""
        return [instance['bbox_label'] for instance in self.get_data_info(idx)['instances']]

    def read_annotation(self, text: str, path: str, picture: str) -> Annotation:
        """Read one annotation file; a format with options of its own overrides this."""
        return type(self).READER(text, path, self._names(), partial(picture_size, picture, self.backend_args))

    def _names(self) -> list[str]:
        """Return every class name that the files may use."""
        return list(self.metainfo.get('names') or self.METAINFO.get('classes') or self.metainfo.get('classes') or ())

    def _check_classes(self) -> list[Problem]:
        classes, names = self.metainfo.get('classes'), self._names()
        if not classes:
            return [Problem('error', 'no classes', type(self).__name__, 'set metainfo=dict(classes=(...))')]
        wrong = [name for name in classes if name not in names]
        return [Problem('error', 'unknown class', 'metainfo.classes', unknown_class(name, names)) for name in wrong]

    def _missing_files(self, pairs: list[Pair]) -> list[Problem]:
        """Look for files that a list names; what was found in a folder is there."""
        if not self.data_prefix['img'].endswith('.txt'):
            return []
        return [
            Problem('error', 'missing file', path, 'listed, but there is no such file')
            for pair in pairs for path in pair[1:] if not fileio.exists(path, backend_args=self.backend_args)
        ]

    def _select(self, pairs: list[Pair], problems: list[Problem]) -> tuple[list[Pair], list[Problem]]:
        """Keep the pairs of the split file; what lies beside it does not matter."""
        found = {pair.stem: pair for pair in pairs}
        wanted = read_list(self.split, self.backend_args)
        missing = [
            Problem('error', 'stem of the split without a pair', f'{self.split}: {stem}',
                    f'{self.data_prefix["img"]} and {self.data_prefix["img2"]} do not both hold it')
            for stem in wanted if stem not in found
        ]
        kept = [problem for problem in problems if problem.kind != 'picture without a partner']
        return [found[stem] for stem in wanted if stem in found], kept + missing

    def _annotate(self, pair: Pair, info: dict) -> list[Problem]:
        """Add size and boxes to ``info``."""
        path = osp.join(self.data_prefix['ann'], pair.stem + self.ANNOTATION_SUFFIX)
        info['instances'] = []
        try:
            if not fileio.exists(path, backend_args=self.backend_args):
                info['height'], info['width'] = picture_size(pair.visible, self.backend_args)
                return [] if self.unlabelled == 'empty' else [_no_annotation(path)]
            text = fileio.get_text(path, backend_args=self.backend_args)
            annotation = self.read_annotation(text, path, pair.visible)
        except PictureError as error:
            return [Problem('error', 'unreadable picture', pair.visible, str(error))]
        info['height'], info['width'] = annotation.size
        info['instances'], problems = place_boxes(annotation, self.metainfo['classes'])
        if self.bad_boxes == 'drop':
            return [problem._replace(level='warning') if 'box' in problem.kind else problem for problem in problems]
        return problems

    def _size(self, info: dict) -> tuple[int, int]:
        if 'height' in info:
            return info['height'], info['width']
        return picture_size(info['img_path'], self.backend_args)


def place_boxes(annotation: Annotation, classes: tuple[str, ...]) -> tuple[list[dict], list[Problem]]:
    """Turn what a file says into mmdet's instances of ``classes``, clipped to the picture."""
    instances, problems = [], list(annotation.problems)
    labels = {name: label for label, name in enumerate(classes)}
    for box in annotation.boxes:
        bbox, problem = settle_box(box, annotation.size)
        if problem:
            problems.append(problem)
        if bbox is not None and box.name in labels:
            instances.append(dict(bbox=bbox, bbox_label=labels[box.name], ignore_flag=int(box.ignore)))
    return instances, problems


def _no_annotation(path: str) -> Problem:
    message = "no such file; write an empty one, or set unlabelled='empty', where there is no object"
    return Problem('error', 'picture without annotation', path, message)
