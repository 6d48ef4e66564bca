"""Where the annotations of pairs lie, and which data set reads them."""
from __future__ import annotations

from pathlib import Path

from mmfusenas.core.errors import UserError

LABELS = dict(yolo='YOLOPairDataset', voc='VOCPairDataset', coco='CocoPairDataset', maps='PairSegDataset')
"""The data set that reads annotations of a form."""
BESIDE = dict(yolo=('labels', ), voc=('Annotations', 'Annotation', 'labels'), coco=('annotations', ),
              maps=('maps', 'masks', 'seg', 'Segmentation_labels', 'labels'))
"""Where annotations lie, beside the folder of the visible images."""


def find_annotations(visible: str | Path, labels: str) -> str:
    """Return the folder of annotations beside a folder of visible images; of COCO the file.

    Args:
        visible: Folder.
        labels: Form, a key of :data:`LABELS`.

    Raises:
        UserError: There is none, or more than one COCO file.

    Example:
        >>> Path('set/labels').mkdir(parents=True)
        >>> Path(find_annotations('set/vi', 'yolo')).name
        'labels'
    """
    folders = [folder for parent in (Path(visible).resolve().parent, Path(visible).resolve().parent.parent)
               for name in BESIDE[labels] if (folder := parent / name).is_dir()]
    found = sorted(folders[0].glob('*.json')) if labels == 'coco' and folders else folders[:1]
    if len(found) != 1:
        what = 'annotation file' if labels == 'coco' else 'folder of annotations'
        raise UserError(f'{"More than one" if found else "No"} {what} beside {visible}: give it by --annotations.')
    return str(found[0])


def dataset_config(visible: str | Path, infrared: str | Path, labels: str, annotations: str | Path) -> dict:
    """Return the config of the data set of two folders of images and their annotations, without its classes.

    Args:
        visible: Folder of the visible images.
        infrared: Folder of the infrared ones.
        labels: Form of the annotations, a key of :data:`LABELS`.
        annotations: Their folder; of COCO the file.

    Example:
        >>> sorted(dataset_config('vi', 'ir', 'maps', 'seg')['data_prefix'])
        ['img', 'infrared', 'seg']
    """
    folders = dict(img=str(Path(visible).absolute()), infrared=str(Path(infrared).absolute()))
    annotations = str(Path(annotations).absolute())
    if labels == 'coco':
        return dict(type=LABELS[labels], data_prefix=folders, ann_file=annotations)
    folders['seg' if labels == 'maps' else 'ann'] = annotations
    return dict(type=LABELS[labels], data_prefix=folders)
