"""Images or pairs with COCO annotations."""
from __future__ import annotations

from os import path as osp

from mmdet.datasets import CocoDataset
from mmengine import fileio

from mmfusenas.core.errors import InputError
from mmfusenas.core.files import parse_json
from mmfusenas.core.renamed import renamed
from mmfusenas.datasets.annotations import RawBox, check_size, clip_box, unknown_class
from mmfusenas.datasets.coco_layout import FILE_NAMES, OLD_FILE_NAMES, check_coco
from mmfusenas.datasets.images import ImageError, image_size
from mmfusenas.datasets.pairing import OLD_KEYS, PATHS
from mmfusenas.datasets.problems import DatasetError, Problem, report
from mmfusenas.registry import DATASETS


@DATASETS.register_module()
class CocoPairDataset(CocoDataset):
    """Images or pairs with one COCO file: the layout that ``tools/dataset_converters/to_coco.py`` writes.

    ``visible``, ``infrared`` and ``annotations/NAME.json``; an entry of ``images`` has ``file_name`` below the visible
    folder and, where it differs, ``file_name_infrared`` below the infrared one. Other keys are COCO's.

    Args:
        data_prefix: ``img`` and, where there are any, ``infrared``, ``aligned`` (in register, where ``infrared`` is
            not), ``target`` and ``reference``: folders below ``data_root``. None is a pair,
            ``dict(img='visible', infrared='infrared')``.
        bad_boxes: ``'error'``, or ``'drop'``: leave out boxes without area or outside the image.
        kwargs: As of mmdet's ``CocoDataset``. ``metainfo.classes`` may be any part of the file's categories; None is
            all of them, in the file's order.

    Raises:
        ValueError: Another key of ``data_prefix``, or ``bad_boxes`` is another word.
        DatasetError: Missing images, entries without what COCO wants, ids that occur twice, that there are not or that
            are no whole numbers, a size that is not the file's, bad boxes, unknown classes, or no image.

    Example:
        >>> dataset = CocoPairDataset(data_root='data/mine', ann_file='annotations/train.json', lazy_init=True)
        >>> dataset.ann_file, dataset.data_prefix['infrared']
        ('data/mine/annotations/train.json', 'data/mine/infrared')
    """

    METAINFO: dict = {}

    def __init__(self, data_prefix: dict | None = None, bad_boxes: str = 'error', **kwargs) -> None:
        if bad_boxes not in ('error', 'drop'):
            raise InputError(f"bad_boxes is 'error' or 'drop', got {bad_boxes!r}.")
        data_prefix = renamed(data_prefix or {}, OLD_KEYS)
        unknown = set(data_prefix) - set(PATHS)
        if unknown:
            raise InputError(f'data_prefix of a {type(self).__name__} has {sorted(unknown)}; it knows {list(PATHS)}.')
        self.bad_boxes = bad_boxes
        self._problems: list[Problem] = []
        super().__init__(data_prefix=data_prefix or dict(img='visible', infrared='infrared'), **kwargs)

    def load_data_list(self) -> list[dict]:
        """Read the set, or raise all that is wrong with it."""
        infos, problems = self.scan()
        report(problems, f'{type(self).__name__} of {self.ann_file}')
        return infos

    def scan(self) -> tuple[list[dict], list[Problem]]:
        """Read the set and list what is wrong with it; as of :meth:`PairDataset.scan`."""
        if not fileio.exists(self.ann_file, backend_args=self.backend_args):
            message = 'no such annotation file; check data_root and ann_file (docs/en/datasets.md shows the layout)'
            return [], [Problem('error', 'nothing found', self.ann_file, message)]
        try:
            content = parse_json(fileio.get(self.ann_file, backend_args=self.backend_args), 'the file')
        except InputError as error:
            return [], [Problem('error', 'malformed file', self.ann_file, f'{error} Is it cut off? Write it again.')]
        wrong = check_coco(content, self.ann_file)
        if wrong:
            return [], wrong
        names = [category['name'] for category in content['categories']]
        self._metainfo.setdefault('classes', tuple(names))
        wrong = [name for name in self._metainfo['classes'] if name not in names]
        if wrong:
            return [], [Problem('error', 'unknown class', self.ann_file, unknown_class(name, names)) for name in wrong]
        self._problems = []
        infos = super().load_data_list()
        if not infos:
            self._problems.append(Problem('error', 'no images', self.ann_file, 'its images are an empty list'))
        return infos, self._problems

    def parse_data_info(self, raw_data_info: dict) -> dict:
        """Add the second image, and look at every box before mmdet passes over the bad ones."""
        image = renamed(raw_data_info['raw_img_info'], OLD_FILE_NAMES)
        size = image['height'], image['width']
        for annotation in raw_data_info['raw_ann_info']:
            x, y, w, h = annotation['bbox']
            box = RawBox(f'category {annotation["category_id"]}', (x, y, x + w, y + h),
                         f'{self.ann_file}, annotation {annotation["id"]}')
            bbox, problem = clip_box(box, size)
            if problem:
                level = 'warning' if self.bad_boxes == 'drop' else problem.level
                self._problems.append(problem._replace(level=level))
            if bbox is not None:
                annotation.setdefault('area', w * h)  # mmdet asks for it
                annotation['bbox'] = [bbox[0], bbox[1], bbox[2] - bbox[0], bbox[3] - bbox[1]]
        info = super().parse_data_info(raw_data_info)
        for key in PATHS:
            if key != 'img' and key in self.data_prefix:
                name = image.get(FILE_NAMES[key], image['file_name'])
                info[PATHS[key]] = osp.join(self.data_prefix[key], name)
        self._problems += _check_image(info, size, self.backend_args)
        return info

    def filter_data(self) -> list[dict]:
        """Leave out what ``filter_cfg`` says, and refuse to end with nothing."""
        infos = super().filter_data()
        if not infos:
            raise DatasetError(f'{self.ann_file}: no pair is left after filter_cfg={self.filter_cfg}.')
        return infos


def _check_image(info: dict, size: tuple[int, int], backend_args: dict | None) -> list[Problem]:
    problems = [
        Problem('error', 'missing image', info[key], 'no such file; check data_prefix')
        for key in PATHS.values() if key in info and not fileio.exists(info[key], backend_args=backend_args)
    ]
    if not problems:
        try:
            problems += check_size(size, image_size(info['img_path'], backend_args), info['img_path'])
        except ImageError as error:
            problems.append(Problem('error', 'unreadable image', info['img_path'], str(error)))
    if not isinstance(info['img_id'], int):
        message = f'its id is {info["img_id"]!r}; mmdet\'s CocoMetric needs whole numbers'
        problems.append(Problem('error', 'image id', info['img_path'], message))
    return problems
