"""Write contact sheets of a data set as the model gets it.

Of a pair: visible, infrared, and both with boxes or classes. Of one sensor: the image, its reference where there is
one, and the image with boxes or classes where it has any.

The images come out of the config's own pipeline, so crops, flips and colours are those of the training.
"""
from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
import torch
from mmengine.dataset import BaseDataset
from mmengine.registry import init_default_scope
from mmengine.runner import set_random_seed
from rich.progress import track

from mmfusenas.core.errors import UserError
from mmfusenas.datasets.images import to_display, write_image
from mmfusenas.datasets.leaves import dataset_leaves
from mmfusenas.datasets.pairing import name_apart
from mmfusenas.registry import DATASETS
from mmfusenas.utils.command_line import ConfigOptions, command, read_config, run_tool
from mmfusenas.visualization import draw_mask

IMAGES = ('visible', 'guide', 'infrared', 'aligned', 'target', 'reference')
"""Inputs that are shown, in this order; a kernel, a flow or the level of the noise is no image of the view."""


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog='Example: python tools/analysis_tools/browse_dataset.py configs/_base_/datasets/synthetic_ivif_det.py '
        '--out-dir browse --number 8')
    parser.add_argument('config', help='config of a training, or one of configs/_base_/datasets')
    parser.add_argument('--out-dir', default='browse', help='folder of the images (default: browse)')
    parser.add_argument('--split', default='train', help='train, search, val or test (default: train)')
    parser.add_argument('--number', type=int, default=20, help='images to write of a data set (default: 20)')
    parser.add_argument('--seed', type=int, default=0, help='seed of the augmentation (default: 0)')
    parser.add_argument('--cfg-options', nargs='+', action=ConfigOptions, help='settings of the config to override')
    return parser.parse_args(argv)


def draw_boxes(image: np.ndarray, sample, metainfo: dict) -> np.ndarray:
    """Draw the boxes and class names of a data sample into a copy of ``image``."""
    image = np.ascontiguousarray(image)
    instances = sample.get('gt_instances')
    if 'bboxes' not in (instances or ()):
        return image
    boxes = getattr(instances.bboxes, 'tensor', instances.bboxes)
    for box, label in zip(torch.as_tensor(boxes).round().int().tolist(), instances.labels.tolist()):
        colour = tuple(metainfo['palette'][label][::-1]) if 'palette' in metainfo else (0, 255, 0)
        cv2.rectangle(image, box[:2], box[2:], colour, 1)
        place = (box[0], max(box[1] - 3, 9))
        cv2.putText(image, metainfo['classes'][label], place, cv2.FONT_HERSHEY_PLAIN, 0.8, colour, 1, cv2.LINE_AA)
    return image


def panel_image(packed: dict, metainfo: dict) -> np.ndarray:
    """Return a sample's panels side by side, H x nW x 3 uint8.

    The images as far as there are any, see ``IMAGES``; then the visible image, of a pair the mean of both, with
    the boxes or the classes. One sensor's image without either has no such last panel.
    """
    inputs, sample = packed['inputs'], packed['data_samples']
    inputs = inputs if isinstance(inputs, dict) else dict(visible=inputs)  # as mmdet and mmseg pack it
    panels = {name: to_display(inputs[name].permute(1, 2, 0).numpy()) for name in IMAGES if name in inputs}
    drawn = next(iter(panels.values()))
    second = panels.get('infrared', panels.get('target'))
    if second is not None:
        drawn = cv2.addWeighted(drawn, 0.5, second, 0.5, 0)
    elif 'gt_instances' not in sample and 'gt_sem_seg' not in sample:
        return np.hstack(list(panels.values()))
    if 'data' in sample.get('gt_sem_seg', ()):  # mmdet's samples have theirs under another name
        drawn = draw_mask(drawn, sample.gt_sem_seg.data[0].numpy(), metainfo)
    return np.hstack([*panels.values(), draw_boxes(drawn.copy(), sample, metainfo)])


def main(argv: list[str] | None = None) -> None:
    """Write the images."""
    args = parse_args(argv)
    config = read_config(args.config, args.cfg_options)
    init_default_scope(config.get('default_scope', 'mmfusenas'))
    leaves = dataset_leaves(config)
    chosen = [name for name in leaves if name == args.split or name.rpartition('_')[0] == args.split]
    if not chosen:
        raise UserError(f'{args.config} has no data set {args.split!r}; it has {sorted(leaves)} (a test set that is '
                         'the validation set is called val).')
    set_random_seed(args.seed)
    for name in chosen:
        folder = Path(args.out_dir, name) if len(chosen) > 1 else Path(args.out_dir)
        number = write_images(DATASETS.build(leaves[name]), folder, args.number)
        print(f'{number} images (all inputs side by side, then with boxes or classes) in {folder}.')
    following = args.config if 'model' in config else 'CONFIG, of a config that inherits this one'
    print(f'Train: {command("python", "tools/train.py")} {following}')


def write_images(dataset: BaseDataset, folder: Path, most: int) -> int:
    """Write the contact images of a data set, at most so many; return their number."""
    # Spread over the whole set: neighbours look alike.
    chosen = np.linspace(0, len(dataset) - 1, min(most, len(dataset))).astype(int)
    names: dict[str, str] = {}
    for index in track(chosen, f'Writing to {folder}'):
        packed = dataset[int(index)]
        name = name_apart(packed['data_samples'].img_path, names)
        write_image(folder / f'{name}.png', panel_image(packed, dataset.metainfo))
    return len(chosen)


if __name__ == '__main__':
    run_tool(main)
