"""Images in folders or lists: pairs, single ones, or with a reference; with or without boxes."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from functools import partial
from os import path as osp

from mmengine import fileio
from mmengine.dataset import BaseDataset
from mmengine.utils import is_abs

from mmfusenas.core.errors import InputError
from mmfusenas.core.renamed import renamed
from mmfusenas.datasets.annotations import BOX_PROBLEMS, Annotation, place_boxes, unknown_class
from mmfusenas.datasets.images import ImageError, image_size
from mmfusenas.datasets.pairing import (
    OLD_KEYS,
    PATHS,
    GuidedSample,
    as_folders,
    by_key,
    find_samples,
    get_stem,
    is_list,
    read_list,
)
from mmfusenas.datasets.problems import DatasetError, Problem, report
from mmfusenas.datasets.sequences import fold_subset
from mmfusenas.registry import DATASETS

OLD_OPTIONS = dict(fold='every_nth', exclude_fold='except_nth')  # names of the release before


@DATASETS.register_module()
class PairDataset(BaseDataset):
    """Pairs of a visible and an infrared image, or what one sensor sees; by itself without boxes.

    A sample is what ``data_prefix`` names: the image ``img`` alone, with that of a second sensor, ``infrared``, with a
    clean ``reference`` to compare an enhanced one with, or with both; or ``img`` as the guide of a ``target``. A format
    is added by a subclass with a ``READER`` (:class:`YOLOPairDataset`, :class:`VOCPairDataset`), and a published set by
    a subclass with ``READER``, ``METAINFO`` and the folders ``PREFIX``; ``NESTED`` says that images lie in folders of
    those folders.

    Args:
        data_root: Folder of the set.
        data_prefix: ``img`` (visible, or the guide), where there are any ``infrared``, ``aligned`` (the infrared images
            in register, where ``infrared`` are not), ``target`` and ``reference``, and for boxes ``ann``: folders below
            ``data_root``. Those of images may all be ``.txt`` lists of one path a line, which belong together line
            by line. Values may be lists of folders that are read as one set, the first of one with the first of the
            others. None is the class's ``PREFIX``.
        split: Text file of one stem a line, below ``data_root``; only those samples are read, in this order.
        stems: Pattern of the stems to read, such as ``'*N'`` for the night frames of MSRS. Defaults to all.
        kfold: One split of a cross-validation, the arguments of :func:`fold_subset` beside the stems:
            ``dict(fold=0, n_splits=4, subset='train')`` reads all but the first of four folds, ``subset='test'`` that
            one. Runs of frames stay in one fold. ``every_nth`` and ``except_nth`` count what it leaves. None: all.
        every_nth: (k, n): every n-th pair from the k-th on, counted from 0. (0, 2) and (1, 2) are the two halves that
            the weights and the choices of a search learn from. None: all.
        except_nth: (k, n): all but every n-th pair from the k-th on, which ``every_nth`` of another data set
            reads. An ``every_nth`` beside it counts what is left. None: all.
        bad_boxes: ``'error'``, or ``'drop'``: leave out boxes without area, outside the image or malformed.
        unlabelled: ``'error'``, or ``'empty'``: an image without annotation file has no objects.
        backend_args: Arguments of mmengine's file backend.
        metainfo: ``classes`` to detect and, where the files hold more, ``names``: all of theirs (YOLO: in the order of
            their numbers). For named sets ``names`` is known, so ``classes`` may be any part of it.
        kwargs: As of mmengine's ``BaseDataset``: pipeline, test_mode, filter_cfg (``filter_empty_gt``, ``min_size``),
            indices, lazy_init, serialize_data, max_refetch.

    Raises:
        ValueError: Folders in ``data_prefix`` that the class does not know, or without those that it needs, lists of
            folders of unequal length, or a ``kfold`` that there is not.
        DatasetError: Files without a partner, stems of the split without files, bad boxes, unknown classes, or
            nothing at all: with the first cases and their number.

    Example:
        >>> from mmfusenas.datasets.images import write_image
        >>> for path in ('vi/1.png', 'ir/1.png', 'vi/2.png', 'ir/2.png'):
        ...     write_image(path, np.zeros((4, 6), np.uint8))
        >>> len(PairDataset()), len(PairDataset(data_prefix=dict(img='vi'), every_nth=(0, 2)))
        (2, 1)
        >>> PairDataset()[1]['infrared_path']
        'ir/2.png'
    """

    READER: Callable[..., Annotation] | None = None
    ANNOTATION_SUFFIX = ''
    PREFIX = dict(img='vi', infrared='ir')
    NESTED = False

    def __init__(
        self,
        data_root: str = '',
        data_prefix: dict | None = None,
        split: str = '',
        stems: str = '*',
        kfold: dict | None = None,
        every_nth: tuple[int, int] | None = None,
        except_nth: tuple[int, int] | None = None,
        bad_boxes: str = 'error',
        unlabelled: str = 'error',
        backend_args: dict | None = None,
        **kwargs,
    ) -> None:
        if bad_boxes not in ('error', 'drop'):
            raise InputError(f"bad_boxes is 'error' or 'drop', got {bad_boxes!r}.")
        if unlabelled not in ('error', 'empty'):
            raise InputError(f"unlabelled is 'error' or 'empty', got {unlabelled!r}.")
        kwargs = renamed(kwargs, OLD_OPTIONS)
        every_nth, except_nth = kwargs.pop('every_nth', every_nth), kwargs.pop('except_nth', except_nth)
        for name, part in (('every_nth', every_nth), ('except_nth', except_nth)):
            if part is not None and not 0 <= part[0] < part[1]:
                raise InputError(f'{name} of a {type(self).__name__} is (k, n) with 0 <= k < n, got {part}.')
        prefix = data_prefix or self.PREFIX
        prefix = renamed(prefix, GuidedSample.OLD if 'target' in prefix else OLD_KEYS)
        self._check_prefix(prefix)
        self.split = osp.join(data_root, split) if split else ''
        self.stems = stems
        self.kfold, self.every_nth, self.except_nth = kfold, every_nth, except_nth
        self.bad_boxes = bad_boxes
        self.unlabelled = unlabelled
        self.backend_args = backend_args
        super().__init__(data_root=data_root, data_prefix=prefix, **kwargs)

    def load_data_list(self) -> list[dict]:
        """Read the set, or raise all that is wrong with it."""
        infos, problems = self.scan()
        report(problems, f'{type(self).__name__} in {self.data_root or "."}')
        return infos

    def scan(self) -> tuple[list[dict], list[Problem]]:
        """Read the set and list what is wrong with it, without stopping at the first.

        Returns:
            For every sample ``img_id`` (a whole number), ``img_path``, where there are any ``infrared_path`` and
            ``reference_path``, and with boxes ``height``, ``width`` and ``instances`` (``bbox``, ``bbox_label``,
            ``ignore_flag``); and the problems.
        """
        try:
            samples, problems = self.find()
            problems += self._missing_files(samples)
            samples, problems = self._select(samples, problems)
            samples = self._of_kfold(samples)
        except FileNotFoundError as error:
            return [], [Problem('error', 'nothing found', self.data_root or '.', str(error))]
        samples = self.subset(samples)
        infos = [dict(img_id=i, **paths) for i, paths in enumerate(samples)]
        if self.READER is not None:
            unknown = self._check_classes()
            if unknown:
                return [], problems + unknown
            for info in infos:
                problems += self._annotate(info)
        return infos, problems

    def find(self) -> tuple[list[dict[str, str]], list[Problem]]:
        """Return the paths of every sample, and what does not fit; a set that pairs otherwise overrides this."""
        parts = [find_samples(part, self.backend_args, self.get_key, self.NESTED) for part in self._parts()]
        samples, problems = (sum(found, []) for found in zip(*parts))
        if len(parts) > 1:
            problems += by_key([sample['img_path'] for sample in samples], self.get_key)[1]
        return samples, problems

    def subset(self, samples: Sequence) -> list:
        """Return those of ``samples`` that ``except_nth`` and ``every_nth`` leave."""
        kept = list(samples)
        if self.except_nth:
            del kept[self.except_nth[0]::self.except_nth[1]]
        return kept[self.every_nth[0]::self.every_nth[1]] if self.every_nth else kept

    def filter_data(self) -> list[dict]:
        """Leave out what ``filter_cfg`` says; as in mmdet, not in test mode."""
        infos = self.data_list
        if not self.test_mode and self.filter_cfg:
            if self.filter_cfg.get('filter_empty_gt', False):
                if self.READER is None:
                    raise InputError(f'filter_empty_gt needs boxes, and {type(self).__name__} has none; leave it out.')
                infos = [info for info in infos if info['instances']]
            smallest = self.filter_cfg.get('min_size', 0)
            if smallest:
                infos = [info for info in infos if min(self._size(info)) >= smallest]
        if not infos:
            kind = 'pair' if 'infrared' in self.data_prefix else 'image'
            raise DatasetError(
                f'{type(self).__name__} has no {kind} left of {len(self.data_list)} after '
                f'filter_cfg={self.filter_cfg}; looked in {dict(self.data_prefix)}, split={self.split or None}.'
            )
        return infos

    def get_cat_ids(self, idx: int) -> list[int]:
        """Return the class numbers of one image, for mmdet's ClassBalancedDataset."""
        return [instance['bbox_label'] for instance in self.get_data_info(idx)['instances']]

    def read_annotation(self, text: str, path: str, image: str) -> Annotation:
        """Read one annotation file; a format with options of its own overrides this."""
        return type(self).READER(text, path, self._names(), partial(image_size, image, self.backend_args))

    def get_key(self, stem: str) -> str:
        """Return what the stems of a sample's files have in common; by itself the stem."""
        return stem

    def listed(self) -> Sequence[str] | None:
        """Return the stems of the split, or None for all; a set with a list of its own kind overrides this."""
        return read_list(self.split, self.backend_args) if self.split else None

    def annotation_path(self, image: str) -> str:
        """Return the annotation file of an image."""
        return self.beside(image, 'ann', self.ANNOTATION_SUFFIX)

    def beside(self, image: str, key: str, suffix: str) -> str:
        """Return the file of another folder that belongs to an image, at the same place below it.

        Args:
            image: Path of the image.
            key: Key of the folder in ``data_prefix``.
            suffix: What follows the key of the sample in the file's name.
        """
        sources, folders = as_folders(self.data_prefix['img']), as_folders(self.data_prefix[key])
        source, folder = next(
            (pair for pair in zip(sources, folders) if image.startswith(osp.join(pair[0], ''))),
            (sources[0], folders[0]))  # a list of paths, or one file
        nested = self.NESTED and image.startswith(source)
        place = osp.dirname(image[len(source):].lstrip('/')) if nested else ''
        return osp.join(folder, place, self.get_key(get_stem(image)) + suffix)

    def _check_prefix(self, prefix: dict) -> None:
        """Refuse folders that are not known, and the lack of those that are needed."""
        needed = {'img'} | set(self.PREFIX) - set(PATHS) - set(OLD_KEYS)
        if not needed <= set(prefix) <= needed | set(PATHS):
            raise InputError(
                f'data_prefix of {type(self).__name__} needs {sorted(needed)} and may have '
                f'{sorted(set(PATHS) - needed)}, got {sorted(prefix)}.')
        parts = {len(as_folders(value)) for value in prefix.values()}
        if len(parts) > 1 or parts != {1} and any(map(is_list, as_folders(prefix['img']))):
            raise InputError(f'Lists in data_prefix of {type(self).__name__} hold equally many folders, and no .txt '
                             f'files, got {prefix}.')

    def _join_prefix(self) -> None:
        """Join ``data_root`` with the folders, as mmengine does, which knows no lists of folders."""

        def joined(folder: str) -> str:
            return folder if is_abs(folder) or not self.data_root else fileio.join_path(self.data_root, folder)

        self.data_prefix = {key: joined(value) if isinstance(value, str) else list(map(joined, value))
                            for key, value in self.data_prefix.items()}

    def _parts(self) -> list[dict[str, str]]:
        """Return the sources of images by key: a dict, or one for each of the folders that are read as one set."""
        columns = {key: as_folders(self.data_prefix[key]) for key in PATHS if key in self.data_prefix}
        return [dict(zip(columns, row)) for row in zip(*columns.values())]

    def _names(self) -> list[str]:
        """Return every class name that the files may use."""
        return list(self.metainfo.get('names') or self.METAINFO.get('classes') or self.metainfo.get('classes') or ())

    def _check_classes(self) -> list[Problem]:
        classes, names = self.metainfo.get('classes'), self._names()
        if not classes:
            return [Problem('error', 'no classes', type(self).__name__, 'set metainfo=dict(classes=(...))')]
        twice = [name for name in dict.fromkeys(classes) if list(classes).count(name) > 1]
        if twice:
            return [Problem('error', 'class given twice', 'metainfo.classes', f'{name!r}: give every name once, as '
                            'boxes have one class a name') for name in twice]
        wrong = [name for name in classes if name not in names]
        return [Problem('error', 'unknown class', 'metainfo.classes', unknown_class(name, names)) for name in wrong]

    def _of_kfold(self, samples: list[dict]) -> list[dict]:
        """Keep the samples of the subset that ``kfold`` names."""
        if not self.kfold:
            return samples
        kept = set(fold_subset([get_stem(sample['img_path']) for sample in samples], **self.kfold))
        return [sample for sample in samples if get_stem(sample['img_path']) in kept]

    def _missing_files(self, samples: list[dict]) -> list[Problem]:
        """Look for files that a list names; what was found in a folder is there."""
        if not is_list(as_folders(self.data_prefix['img'])[0]):
            return []
        return [
            Problem('error', 'missing file', path, 'listed, but there is no such file')
            for sample in samples for path in sample.values()
            if not fileio.exists(path, backend_args=self.backend_args)
        ]

    def _select(self, samples: list[dict], problems: list[Problem]) -> tuple[list[dict], list[Problem]]:
        """Keep the samples of the split and of the pattern; what lies beside the split does not matter."""
        wanted = self.listed()
        if wanted is not None:
            samples, missing = self._choose(samples, wanted)
            problems = [problem for problem in problems if problem.kind != 'image without a partner'] + missing
        kept = [sample for sample in samples if fnmatchcase(get_stem(sample['img_path']), self.stems)]
        if samples and not kept:
            message = f'stems={self.stems!r} fits none of the {len(samples)} stems, such as '
            folders = ', '.join(as_folders(self.data_prefix['img']))
            problems.append(Problem('error', 'no images', folders,
                                    f'{message}{get_stem(samples[0]["img_path"])!r}'))
        return kept, problems

    def _choose(self, samples: list[dict], wanted: Sequence[str]) -> tuple[list[dict], list[Problem]]:
        """Return the samples of the stems that a split names, in its order, and what is missing."""
        found = {self.get_key(get_stem(sample['img_path'])): sample for sample in samples}
        folders = [' or '.join(as_folders(self.data_prefix[key])) for key in PATHS if key in self.data_prefix]
        kind, message = 'an image', f'{folders[0]} does not hold it'
        if len(folders) > 1:
            kind, message = 'a pair', f'{" and ".join(folders)} do not {"both" if len(folders) == 2 else "all"} hold it'
        missing = [Problem('error', f'stem of the split without {kind}', f'{self.split}: {stem}', message)
                   for stem in wanted if self.get_key(stem) not in found]
        return [found[self.get_key(stem)] for stem in wanted if self.get_key(stem) in found], missing

    def _annotate(self, info: dict) -> list[Problem]:
        """Add size and boxes to ``info``."""
        image = info['img_path']
        path = self.annotation_path(image)
        info['instances'] = []
        try:
            if not fileio.exists(path, backend_args=self.backend_args):
                info['height'], info['width'] = image_size(image, self.backend_args)
                return [] if self.unlabelled == 'empty' else [_no_annotation(path)]
            text = fileio.get_text(path, backend_args=self.backend_args)
            annotation = self.read_annotation(text, path, image)
        except ImageError as error:
            return [Problem('error', 'unreadable image', image, str(error))]
        except UnicodeDecodeError as error:
            return [Problem('error', 'malformed file', path, f'is not text in UTF-8 ({error}); save it as UTF-8')]
        info['height'], info['width'] = annotation.size
        info['instances'], problems = place_boxes(annotation, self.metainfo['classes'])
        if self.bad_boxes == 'drop':
            return [problem._replace(level='warning') if problem.kind in BOX_PROBLEMS else problem
                    for problem in problems]
        return problems

    def _size(self, info: dict) -> tuple[int, int]:
        if 'height' in info:
            return info['height'], info['width']
        return image_size(info['img_path'], self.backend_args)


def _no_annotation(path: str) -> Problem:
    message = "no such file; write an empty one, or set unlabelled='empty', where there is no object"
    return Problem('error', 'image without annotation', path, message)
