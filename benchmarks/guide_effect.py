"""What a guide is worth: guided super-resolution with it, and with a guide that is mirrored or of one colour.

Every image of the test set of a config counts, in pairs: RMSE in the unit of the config's metric, the same over that
of bicubic interpolation (mean over the images, with its standard error), and by how much a row is above the RMSE of
the first network (mean of the paired differences, with its standard error, and in per cent of the mean). Beside the
networks stand bicubic interpolation and a guided filter; a network that never had a guide is one more checkpoint.

    RGBDD_ROOT=data/rgbdd python benchmarks/guide_effect.py configs/dcnas/depth_rgbdd.py \
        guided=work_dirs/depth_rgbdd_x8/iter_2000.pth unguided=work_dirs/depth_rgbdd_alone_x8/iter_2000.pth \
        [--scales 8] [--held-out] [--out FILE.json]
"""
import argparse
import json
import os
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope
from rich.progress import track
from terminaltables import AsciiTable
from torch import Tensor, nn

from mmfusenas.apis import load_model
from mmfusenas.core.files import write_text
from mmfusenas.models.restorers import GuidedSR
from mmfusenas.registry import DATASETS
from mmfusenas.utils.command_line import load_config, run_tool
from mmfusenas.utils.weights import checkpoint_file

GUIDES: dict[str, Callable[[Tensor], Tensor]] = {
    '': lambda guide: guide,
    ', mirrored guide': lambda guide: guide.flip(3),
    ', grey guide': lambda guide: guide.mean((2, 3), keepdim=True).expand_as(guide),
}
"""What is done to the guide, N x 3 x H x W, by the end of the row's name; grey is the mean colour of the image."""
FILTER = dict(type='GuidedFilterSR', radius=1, eps=1e-4)


def main() -> None:
    args = parse_args()
    init_default_scope('mmfusenas')
    networks = {name: load_model(checkpoint_file(file)) for name, file in args.networks}
    found = {}
    for scale in args.scales:
        os.environ['SCALE'] = str(scale)
        found[scale] = errors(load_config(args.config), networks, args.held_out)
        print('\n' + table(found[scale], f'by {scale}, {len(found[scale]["bicubic"])} images').table)
    if args.out:
        write_text(args.out, json.dumps(found, indent=1) + '\n')


@torch.inference_mode()
def errors(cfg: Config, networks: dict[str, nn.Module], held_out: bool = False) -> dict[str, list[float]]:
    """Return the RMSE of every row on every image of a config's test data, or of its validation data."""
    dataset = DATASETS.build((cfg.val_dataloader if held_out else cfg.test_dataloader).dataset)
    rules = {'bicubic': GuidedSR(None), 'guided filter': GuidedSR(FILTER)}
    rows = {**{f'{name}{end}': (model, change) for name, model in networks.items()
               for end, change in GUIDES.items() if not end or has_guide(model)},
            **{name: (rule, GUIDES['']) for name, rule in rules.items()}}
    found = defaultdict(list)
    for i in track(range(len(dataset)), 'measuring'):
        data = rules['bicubic'].data_preprocessor(pseudo_collate([dataset[i]]))
        low, high = data['data_samples'][0].target_range
        inputs = data['inputs']
        for name, (model, change) in rows.items():
            result = model.images(dict(inputs, guide=change(inputs['guide'])))['restored'].double()
            error = (result - inputs['reference']).square().mean().sqrt()
            found[name].append(cfg.test_evaluator.unit * (high - low) * float(error))
    return dict(found)


def has_guide(model: nn.Module) -> bool:
    """Return whether a network has parameters for its guide."""
    return any(True for _ in model.net.guidance.parameters())


def table(found: dict[str, list[float]], title: str) -> AsciiTable:
    """Return the rows with their means, standard errors, and paired differences to the first one."""
    first, bicubic = np.array(next(iter(found.values()))), np.array(found['bicubic'])
    rows = [['', 'RMSE', 'over bicubic', 'above the first', '%']]
    for name, values in found.items():
        above = np.array(values) - first
        rows.append([name, f'{np.mean(values):.3f}', with_error(np.array(values) / bicubic), with_error(above),
                     f'{100 * above.mean() / first.mean():.1f}'])
    return AsciiTable(rows, title)


def with_error(values: np.ndarray) -> str:
    """Return a mean with its standard error."""
    return f'{values.mean():.3f} +- {values.std(ddof=1) / len(values) ** 0.5:.3f}'


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='config with the test data; it reads SCALE')
    parser.add_argument('networks', nargs='*', type=named, metavar='NAME=CHECKPOINT',
                        help='networks, the first is what all are compared with; bundled weights by their name; '
                             'without any, bicubic interpolation is the first')
    parser.add_argument('--scales', nargs='+', type=int, default=[8],
                        help='default: 8; the config reads it as SCALE')
    parser.add_argument('--held-out', action='store_true', help='on the validation data, to choose settings by')
    parser.add_argument('--out', type=Path, help='JSON file for the RMSE of every image')
    return parser.parse_args()


def named(text: str) -> tuple[str, str]:
    name, _, file = text.partition('=')
    if not file:
        raise argparse.ArgumentTypeError(f'{text!r} is not NAME=CHECKPOINT, such as guided=iter_2000.pth')
    return name, file


if __name__ == '__main__':
    run_tool(main)
