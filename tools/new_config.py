"""Write a short config that trains on pairs of your own: a stock detector or segmentor behind a fusion network.

Or a task-guided model that is trained already: bundled weights, or a checkpoint of this package. That is the way with
few pairs, or without weights of the stock config.
"""
from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.registry import DefaultScope

from mmfusenas.apis import input_pairs, trained_model, weights_records
from mmfusenas.core.errors import InputError, UserError
from mmfusenas.core.files import write_text
from mmfusenas.datasets.annotation_folders import LABELS, dataset_config, find_annotations
from mmfusenas.datasets.checks import check_seg_map
from mmfusenas.datasets.images import image_size
from mmfusenas.datasets.problems import raise_errors
from mmfusenas.datasets.sequences import fold_subset
from mmfusenas.registry import DATASETS
from mmfusenas.utils.camera_options import add_camera_options, loading_options
from mmfusenas.utils.checkpoint import load_checkpoint
from mmfusenas.utils.command_line import command, existing_file, load_config, output_file, positive, run_tool
from mmfusenas.utils.config_check import check_config
from mmfusenas.utils.remote_weights import download_path
from mmfusenas.utils.stock_config import named_weights, read_stock, stock_schedule, stock_scope, stock_task
from mmfusenas.utils.stock_weights import stock_weights, weights_to_fetch
from mmfusenas.utils.weights import checkpoint_file

MOST = 40
"""Segmentation maps that are read; a training names the others that do not fit."""

HEAD = """\
# {title}
# python tools/new_config.py {arguments}
_base_ = ['mmfusenas::_base_/datasets/{data}.py', 'mmfusenas::_base_/default_runtime.py']
from mmfusenas.utils.stock_config import stock_schedule, stock_task

stock = {task!r}
classes = {classes!r}
size = {size!r}  # width, height{of}
task = stock_task(stock, len(classes), size, weights={weights!r})
"""
HEAD_TRAINED = """\
# {title}
# python tools/new_config.py {arguments}
_base_ = ['mmfusenas::_base_/datasets/{data}.py', 'mmfusenas::_base_/schedules/adamw_2k.py']
from mmfusenas.apis import trained_model

classes = {classes!r}
size = {size!r}  # width, height of the crops in training
model = trained_model({task!r}, len(classes))
"""
NECK = """\
task['neck'] = dict(
    type='mmfusenas.FeatureDistillationNeck', in_channels={in_channels}, out_channels={out_channels},
    start_level={start_level}, num_outs={num_outs}, channels=64)
"""
MODEL = """\
model = dict(
    type='TaskGuided{kind}', eta=0.1, norm_eval=True, task=task,
    scene=dict(type='TIMFusion', genotype='tim-light', loss=dict(type='FusionLoss'),
               init_cfg=dict(type='Pretrained', checkpoint='mmfusenas://tim-light')))
"""
UNUSED = """\
find_unused_parameters = True  # of several processes: what a stage leaves out is not in the graph

"""
LOAD = """\
load = [dict(
    type='LoadPairFromFile', {loading}), *_base_.load[1:]]
"""
BOXES = """\
resize = dict(_base_.resize, scale=size)
train_pipeline = [*{load}, dict(type='JointTransform', transforms=[resize, _base_.flip]), _base_.pack]
test_pipeline = [*{load}, dict(type='JointTransform', transforms=[resize]), _base_.pack]
"""
CROPS = """\
crop = dict(type='mmdet.RandomCrop', crop_size=size, allow_negative_crop=True, bbox_clip_border=False)
clip = dict(type='ClipBoxes', min_visibility=0.25)
train_pipeline = [
    *{load}, dict(type='JointTransform', transforms=[_base_.resize, crop, clip, _base_.flip]), _base_.pack]
test_pipeline = {tested}
"""
MAPS = """\
crop = dict(_base_.crop, crop_size=size[::-1])
train_pipeline = [*{load}, dict(type='JointTransform', transforms=[_base_.rotate, crop, _base_.flip]), _base_.pack]
test_pipeline = {tested}
"""
DATA = """\
data = dict(
    type={dataset!r}, metainfo=dict(classes=classes),
    {shared})
train_set = dict(data, {train})
val_set = dict(data, {val})
train_dataloader = dict(_base_.loader, batch_size={batch_size}, dataset=dict(
    train_set, {options}pipeline=train_pipeline))
val_dataloader = dict(_base_.test_loader, dataset=dict(val_set, test_mode=True, pipeline=test_pipeline))
test_dataloader = val_dataloader

"""
SCHEDULE = """\
# The task's own; the learning rate is that for batches of {batch_size}.
train_cfg, optim_wrapper, param_scheduler, custom_hooks = stock_schedule(
    stock, batch_size={batch_size}, length={length}, warmup={warmup})
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
"""
SCHEDULE_TRAINED = """\
train_cfg = dict(max_iters={length}, val_interval={quarter})
"""
EPOCHS = """\
# First the task alone learns to see fused images, then it guides the fusion.
default_hooks = dict(guidance=dict(type='TaskGuidanceHook', task_length={first}, final_stage={stage!r}))
"""
ITERATIONS = """\
# First the task alone learns to see fused images, then it guides the fusion.
default_hooks = dict(
    guidance=dict(type='TaskGuidanceHook', task_length={first}, final_stage={stage!r}, by_epoch=False),
    checkpoint=dict(by_epoch=False, interval={interval}))
log_processor = dict(by_epoch=False)
"""
SEARCH = """\
# Weights learn from one half of the pairs, the choices of the neck from the other; what is found is trained on both.
search_dataloader = dict(train_dataloader, dataset=dict(train_dataloader['dataset'], every_nth=(1, 2)))
train_dataloader['dataset'].update(every_nth=(0, 2))
default_hooks.update(
    search=dict(type='BilevelSearchHook', dataloader=search_dataloader, interval={every},
                optimizer=dict(type='Adam', lr=2e-2, betas=(0.5, 0.999), weight_decay=1e-3)),
    export=dict(type='GenotypeExportHook', shape=size[::-1], retrain={{'train_dataloader.dataset.every_nth': None}}))
"""


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog='Example: python tools/new_config.py --task '
        'mmdet::fcos/fcos_r50-caffe_fpn_gn-head_1x_coco.py --visible data/train/vi --infrared data/train/ir '
        '--labels yolo --classes person bicycle car --out configs/mine.py')
    parser.add_argument('--task', required=True,
                        help='stock config: mmdet::FOLDER/NAME.py, mmseg::FOLDER/NAME.py, or a file; or what is '
                        'trained further: bundled weights, such as tim-retinanet-msrs, or a checkpoint of this package')
    parser.add_argument('--visible', required=True, help='folder of the visible images')
    parser.add_argument('--infrared', required=True, help='folder of the infrared images')
    parser.add_argument('--labels', required=True, choices=LABELS,
                        help='form of the annotations: boxes, or maps of class numbers for a segmentor')
    parser.add_argument('--annotations', help='folder of the annotations, of coco the file (default: beside the folder '
                        'of the visible images)')
    parser.add_argument('--classes', required=True, nargs='+',
                        help='class names; of yolo and maps in the order of their numbers')
    for role in ('visible', 'infrared', 'annotations'):
        parser.add_argument(f'--val-{role}', help='the same of the validation (default: a fifth of the pairs)')
    add_camera_options(parser)
    parser.add_argument('--size', nargs=2, type=positive, metavar=('WIDTH', 'HEIGHT'),
                        help='size of the images (default: that of the files); of a segmentor and of a --task that is '
                        'trained already that of the crops in training (default: at most 512 x 512, of a trained '
                        'detector 320 x 320)')
    parser.add_argument('--weights', default='stock',
                        help='file of weights of the task, such as those trained on COCO; none: from scratch (default: '
                        "the stock config's weights where torch's folder of downloads has them, or else what it names "
                        'for its backbone)')
    parser.add_argument('--batch-size', type=positive, help='(default: that of the stock config, at most 4; or 4)')
    parser.add_argument('--length', type=positive,
                        help='epochs, or iterations where the stock config counts those (default: its own); the '
                        'schedule is stretched to it. Of a --task that is trained already iterations (default: 1000)')
    parser.add_argument('--stage', default='joint', choices=('joint', 'task'),
                        help='whether the task guides the fusion in the last two thirds (joint, the default) or trains '
                        'on a frozen one (task)')
    parser.add_argument('--search', choices=('neck', ), help='search the neck of the detector, in the place of its FPN')
    parser.add_argument('--out', required=True, help='config file to write')
    return parser.parse_args(argv)


def median_size(paths: Sequence[str]) -> tuple[int, int]:
    """Return the width and height that most of a few images have."""
    sizes = [image_size(path)[::-1] for path in paths[::max(1, len(paths) // 20)]]
    return Counter(sizes).most_common(1)[0][0]


def choose_folds(stems: Sequence[str]) -> dict[str, Any]:
    """Return the arguments of a split of a fifth, whose neighbours in a video are left out of the training.

    Raises:
        UserError: If there are too few images.
    """
    for gap in (10, 5, 2, 1, 0):
        split = dict(fold=0, n_splits=5, gap=gap, block=max(1, len(stems) // 20))
        try:
            trained = fold_subset(stems, subset='train', **split)
        except ValueError:
            continue
        if len(trained) >= 0.6 * len(stems):
            return split
    raise UserError(f'{len(stems)} pairs are too few to keep a fifth for validation: give --val-visible, '
                    '--val-infrared and --val-annotations.')


def dataset_arguments(args: argparse.Namespace, prefix: str = '') -> dict[str, Any]:
    """Return what names the images and annotations of a data set, and check that the images are pairs."""
    visible, infrared, annotations = (
        getattr(args, f'{prefix}{role}') for role in ('visible', 'infrared', 'annotations'))
    annotations = annotations or find_annotations(visible, args.labels)
    arguments = dataset_config(visible, infrared, args.labels, annotations)
    del arguments['type']
    return arguments


def split_data(args: argparse.Namespace, stems: Sequence[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the arguments of the data sets of training and validation."""
    train = dataset_arguments(args)
    given = [getattr(args, f'val_{role}') for role in ('visible', 'infrared')]
    if any(given):
        if not all(given):
            raise UserError('--val-visible and --val-infrared belong together.')
        loading_options(args, input_pairs(args.val_visible, args.val_infrared))
        return train, dataset_arguments(args, 'val_')
    if args.labels == 'coco':
        if args.val_annotations:  # of the same folders
            return train, dict(train, ann_file=os.path.abspath(args.val_annotations))
        raise UserError('One COCO file has no split: give that of the validation by --val-annotations.')
    if args.val_annotations:
        raise UserError(f'--val-annotations {args.val_annotations} are of no images: give --val-visible and '
                        '--val-infrared too.')
    folds = choose_folds(stems)
    return (dict(train, kfold=dict(folds, subset='train')), dict(train, kfold=dict(folds, subset='test')))


def begin_with(args: argparse.Namespace, task: dict[str, Any]) -> str | None:
    """Return what a stock task begins with, as :func:`stock_task` takes it, and say which files are missing."""
    if args.weights == 'none':
        return None
    if args.weights != 'stock':
        return os.path.abspath(existing_file(args.weights, 'Weights'))
    whole = stock_weights(args.task)
    if whole and download_path(whole).is_file():
        return str(download_path(whole))
    if whole:
        print(f'note: to begin with the weights of the whole {args.task}, put {download_path(whole).name} into '
              f'{download_path(whole).parent} and write the config again; they are at {whole}')
    for url, path in weights_to_fetch(named_weights(task)):
        print(f'note: {path.name}, which the training begins with, is not in {path.parent}. It is fetched from {url}; '
              'without a network put it there yourself, or write the config with --weights none')
    return 'stock'


def searched_neck(args: argparse.Namespace, stock: Config) -> str:
    """Return the lines that put a searchable neck in the place of a stock FPN."""
    neck = stock.model.get('neck') or {}
    if neck.get('type') != 'FPN' or args.labels == 'coco':
        raise UserError(f'--search neck takes the place of an FPN, of data with --labels yolo or voc; {args.task} has '
                        f'the neck {neck.get("type")}, the labels are {args.labels}.')
    return NECK.format(in_channels=neck.in_channels, out_channels=neck.out_channels,
                       start_level=neck.get('start_level', 0), num_outs=neck.num_outs)


def config_text(args: argparse.Namespace, arguments: Sequence[str]) -> str:
    """Return the text of the config."""
    pairs = input_pairs(args.visible, args.infrared)
    loading = loading_options(args, pairs)
    train, val = split_data(args, [pair.stem for pair in pairs])
    steps = len(pairs) * (0.8 if 'kfold' in train else 1)
    shared = {name: train.pop(name) for name in list(train) if train[name] == val.get(name)}
    val = {name: value for name, value in val.items() if name not in shared}
    of = 'infrared' if args.resize == 'infrared' else 'visible'
    size = median_size([getattr(pair, of) for pair in pairs])
    parts, names = trained_parts(args, size) if is_trained(args.task) else stock_parts(args, size, steps)
    length = names['length']
    names.update(
        task=args.task, classes=tuple(args.classes), arguments=shlex.join(arguments), dataset=LABELS[args.labels],
        data='maps' if names['kind'] == 'Segmentor' else 'boxes', stage=args.stage,
        first=max(1, length // 3) if length > 1 else 0, interval=max(1, length // 10), quarter=max(1, length // 4),
        options='filter_cfg=_base_.filter_cfg, ' if names['kind'] == 'Detector' else '',
        shared=_keywords(shared, ',\n    '), train=_keywords(train), val=_keywords(val),
        load='load' if loading else '_base_.load', loading=_keywords(loading),
        tested='[*load, *_base_.test_pipeline[2:]]' if loading else '_base_.test_pipeline')
    if loading:
        parts.insert(parts.index(UNUSED) + 1, LOAD)
    return ''.join(part.format(**names) for part in parts)


def stock_parts(args: argparse.Namespace, size: tuple[int, int], pairs: float) -> tuple[list[str], dict[str, Any]]:
    """Return the parts of the config of a stock task, and what is filled into them."""
    stock = read_stock(args.task)
    kind = dict(mmdet='Detector', mmseg='Segmentor')[stock_scope(stock)]
    check_labels(args, kind)
    size = tuple(args.size or (crop_size(size, 512) if kind == 'Segmentor' else size))
    neck = [searched_neck(args, stock)] if args.search else []
    weights = begin_with(args, stock_task(args.task, len(args.classes), size))
    batch_size = args.batch_size or min(4, stock.train_dataloader.batch_size)
    loop = stock_schedule(args.task, batch_size, args.length)[0]
    unit = 'max_epochs' if 'max_epochs' in loop else 'max_iters'
    parts = [HEAD, *neck, MODEL, UNUSED,
             BOXES if kind == 'Detector' else MAPS, DATA, SCHEDULE,
             EPOCHS if unit == 'max_epochs' else ITERATIONS, *([SEARCH] if args.search else [])]
    steps = max(1, round(pairs / batch_size))
    return parts, dict(
        title=f'{stock.model.type} of {args.task.partition("::")[0]} on fused pairs of infrared and visible images.',
        kind=kind, size=size, weights=weights, batch_size=batch_size, length=loop[unit],
        of=' of the crops in training' if kind == 'Segmentor' else ' that images are brought into',
        # A warm-up of a tenth of the training, of a small data set less than the stock one.
        warmup=max(1, steps * loop[unit] // 10) if unit == 'max_epochs' else None,
        # Iterations to a step of the choices: a hundred steps or more, where there are as many iterations.
        every=min(20, max(1, (steps // 2 if unit == 'max_epochs' else 1) * loop[unit] // 100)))


def trained_parts(args: argparse.Namespace, size: tuple[int, int]) -> tuple[list[str], dict[str, Any]]:
    """Return the parts of the config of a model that is trained on, and what is filled into them."""
    if args.search or args.weights != 'stock':
        raise UserError(f'--task {args.task} is trained: it has its weights and its neck, so that --weights and '
                        '--search are for stock configs.')
    kind = 'Segmentor' if trained_model(args.task, len(args.classes))['type'].endswith('Segmentor') else 'Detector'
    check_labels(args, kind)
    known = load_checkpoint(checkpoint_file(args.task))['meta'].get('dataset_meta', {}).get('classes') or ()
    if len(known) == len(args.classes) and tuple(known) != tuple(args.classes):
        print(f'note: {args.task} scores {", ".join(known)}, in this order; {", ".join(args.classes)} begin with those '
              'scores')
    parts = [HEAD_TRAINED, UNUSED, CROPS if kind == 'Detector' else MAPS, DATA, SCHEDULE_TRAINED, ITERATIONS]
    return parts, dict(
        title=f'{Path(args.task).stem}, trained further, on pairs of other images.', kind=kind,
        size=tuple(args.size or crop_size(size, 320 if kind == 'Detector' else 512)),
        batch_size=args.batch_size or 4, length=args.length or 1000)


def is_trained(task: str) -> bool:
    """Return whether a task is a checkpoint or the name of bundled weights."""
    return task in weights_records() or Path(task).suffix in ('.pth', '.pt', '.ckpt')


def check_labels(args: argparse.Namespace, kind: str) -> None:
    """Raise a UserError where the annotations are not of the kind of the task, or are not scaled."""
    if args.resize == 'infrared' and args.labels == 'maps':
        raise UserError('--resize infrared scales no maps: give --resize visible, or --homography.')
    if (kind == 'Segmentor') != (args.labels == 'maps'):
        raise UserError(f'{args.task} is a {kind.lower()}, and --labels {args.labels} are of a '
                        f'{"segmentor" if args.labels == "maps" else "detector"}.')


def crop_size(size: tuple[int, int], most: int) -> tuple[int, ...]:
    """Return the size of crops: of the images, in multiples of 32 up to ``most``."""
    return tuple(min(side, most) // 32 * 32 or side for side in size)


def _keywords(arguments: dict[str, Any], between: str = ', ') -> str:
    """Return arguments as code."""
    def code(value: Any) -> str:
        return f'dict({_keywords(value)})' if isinstance(value, dict) else repr(value)
    return between.join(f'{name}={code(value)}' for name, value in arguments.items())


def check_written(path: Path) -> None:
    """Read the config and its data, so that what is wrong with them is known now, and say what is in it."""
    cfg = load_config(str(path))
    check_config(cfg)
    search = cfg.default_hooks.get('search')
    loaders = dict(train=cfg.train_dataloader, **(dict(search=search.dataloader) if search else {}),
                   val=cfg.val_dataloader)
    for part, loader in loaders.items():
        with DefaultScope.overwrite_default_scope('mmfusenas'):
            dataset = DATASETS.build(dict(loader.dataset))
        infos = [dataset.get_data_info(index) for index in range(len(dataset))]
        check_maps([info for info in infos if info.get('seg_map_path')], dataset.metainfo['classes'])
        boxes = Counter(instance['bbox_label'] for info in infos for instance in info.get('instances', []))
        counts = ', '.join(f'{name} {boxes[label]}' for label, name in enumerate(dataset.metainfo['classes']))
        print(f'{part}: {len(dataset)} pairs' + (f'; boxes: {counts}' if boxes else ''))
    if search:
        print('train and search are halves: the weights of the search learn from the one, its choices from the other; '
              'retrain.py trains what is found on both')


def check_maps(infos: Sequence[dict[str, Any]], classes: Sequence[str]) -> None:
    """Raise a DatasetError where one of a few segmentation maps does not fit its image or the classes."""
    chosen = infos[::-(-len(infos) // MOST)] if infos else ()
    problems = [problem for info in chosen for problem in check_seg_map(info, image_size(info['img_path']), classes)]
    raise_errors(problems, 'What --labels maps and --classes give', f'{len(chosen)} of {len(infos)} maps were read.')


def trial_options(cfg: Config) -> list[str]:
    """Return the options with which a config trains and validates for a few iterations, in its last stage."""
    length = (['train_cfg.max_epochs=1'] if 'max_epochs' in cfg.train_cfg else
              ['train_cfg.max_iters=4', 'train_cfg.val_interval=4'])
    steps = ['default_hooks.search.interval=1'] if 'search' in cfg.default_hooks else []
    pairs = ['train_dataloader.dataset.indices=8', 'val_dataloader.dataset.indices=4']
    return [*length, *pairs, 'default_hooks.guidance.task_length=0', *steps]


def checked_output(args: argparse.Namespace) -> Path:
    """Return the file to write, once the options are known to be of use."""
    twice = [name for name in dict.fromkeys(args.classes) if args.classes.count(name) > 1]
    if twice:
        raise UserError(f'--classes has {", ".join(map(repr, twice))} more than once: give every name once.')
    if Path(args.out).suffix != '.py':
        raise UserError(f'--out {args.out}: a config is a Python file; name it {args.out}.py.')
    if args.task not in weights_records() and Path(args.task).is_file():
        args.task = os.path.abspath(args.task)
    return output_file(args.out, args.task, args.weights, args.annotations, args.val_annotations, args.homography)


def main(argv: list[str] | None = None) -> None:
    """Write the config, and read it once."""
    args = parse_args(argv)
    out = checked_output(args)
    text = config_text(args, argv or sys.argv[1:])
    beside = out.with_name(f'.new_{out.name}')
    write_text(beside, text)
    try:
        check_written(beside)
        os.replace(beside, out)
    except UserError as error:  # which names the file that was asked for
        raise InputError(str(error).replace(beside.name, out.name)) from error
    finally:
        beside.unlink(missing_ok=True)
    print(f'{out} is written; next:\n  {command("python", "tools/train.py", out)}\nor first a trial of a few pairs:\n  '
          + command('python', 'tools/train.py', out, '--work-dir', f'work_dirs/{out.stem}_trial', '--cfg-options',
                    *trial_options(load_config(str(out)))))


if __name__ == '__main__':
    run_tool(main)
