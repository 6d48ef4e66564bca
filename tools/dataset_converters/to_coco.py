"""Write the data sets of a config in one documented COCO layout (docs/en/datasets.md).

    OUT/visible, OUT/infrared, OUT/annotations/{train,val,test}.json

Any data set with boxes serves, of pairs or of one sensor: MSRS, M3FD, LLVIP, MultiSpectral, DARK FACE, ExDark, your
own, or the built-in scenes, which are drawn and saved. CocoPairDataset reads the result, and of one sensor mmdet's own
CocoDataset does.
"""
from __future__ import annotations

import argparse

from mmengine.registry import init_default_scope
from rich.progress import track

from mmfusenas.core.errors import UserError
from mmfusenas.datasets.coco_layout import write_coco
from mmfusenas.datasets.leaves import dataset_leaves, scan
from mmfusenas.datasets.pairing import PATHS
from mmfusenas.datasets.problems import report
from mmfusenas.datasets.transforms.pack_pair import get_role
from mmfusenas.utils.command_line import ConfigOptions, RenamedOption, read_config, run_tool


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog='Example: MSRS_ROOT=data/msrs python tools/dataset_converters/to_coco.py '
        'configs/_base_/datasets/msrs_det.py --out data/msrs_coco')
    parser.add_argument('config', help='config of a training, or one of configs/_base_/datasets')
    parser.add_argument('--out', required=True, help='folder to write to')
    parser.add_argument('--images', '--pictures', action=RenamedOption, choices=('link', 'copy'), default='link',
                        help='link the images (default), or copy them so that OUT stands alone')
    parser.add_argument('--cfg-options', nargs='+', action=ConfigOptions, help='settings of the config to override')
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> None:
    """Convert."""
    args = parse_args(argv)
    config = read_config(args.config, args.cfg_options)
    init_default_scope(config.get('default_scope', 'mmfusenas'))
    for name, leaf in dataset_leaves(config).items():
        infos, problems, classes = scan(leaf)
        report(problems, f'{name} ({leaf["type"]})')
        if not classes:
            raise UserError(f'{name} ({leaf["type"]}) has no boxes, and COCO is a format of boxes.')
        path = write_coco(args.out, name, track(infos, f'Converting {name}'), classes, args.images == 'link')
        print(f'{name}: {path}')
    prefix = {key: get_role(key, infos[0]) for key, path in PATHS.items() if path in infos[0]}
    more = '' if set(prefix) == {'img', 'infrared'} else f', data_prefix={prefix}'
    print(f"Read it with dict(type='CocoPairDataset', data_root={args.out!r}, "
          f"ann_file='annotations/train.json'{more}), as docs/en/datasets.md shows.")


if __name__ == '__main__':
    run_tool(main)
