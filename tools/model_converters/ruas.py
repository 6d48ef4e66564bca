"""Convert the weights of RUAS's authors: ``python tools/model_converters/ruas.py lol.pt OUT.pth``."""
from __future__ import annotations

import argparse
import json
import re
from collections.abc import Mapping

from mmengine.config import ConfigDict
from torch import Tensor

import mmfusenas.models  # noqa: F401  registers RUASEnhancement
from mmfusenas.core.errors import UserError
from mmfusenas.nas import Genotype
from mmfusenas.registry import MODELS
from mmfusenas.utils.checkpoint import extract_weights, load_checkpoint, misfits, save_checkpoint
from mmfusenas.utils.command_line import command, existing_file, output_file, run_tool

RELEASES = dict(
    journal=dict(scene=dict(t_min=1e-4), task='ruas-denoise', estimation=dict(type='NoiseEstimation')),
    cvpr=dict(scene=dict(t_min=1e-3), task='ruas-denoise-cvpr', estimation=None, denoise='always'))

# From the authors' tensor names to ours. They name the seven operators of a cell c1_d, c1_r, ..., c3_r, c4.
RENAMINGS = (
    (r'^enhance_net\.iems\.(\d)\.cell\.', r'scene.cell.\1.'),
    (r'^denoise_net\.nrms\.(\d)\.', r'task.cell.\1.'),
    (r'^denoise_net\.stem\.', 'task.stem.'),
    (r'^denoise_net\.activate\.0\.', 'task.head.'),
    (r'^estimation\.estimation\.', 'estimation.'),
    (r'\.cell\.(\d)\.c([123])_([dr])\.op\.', lambda match: _operator(2 * int(match[2]) - 1 - (match[3] == 'd'), match)),
    (r'\.cell\.(\d)\.c4\.op\.', lambda match: _operator(6, match)),
    (r'\.cell\.(\d)\.c5\.', r'.cell.distill.\1.'),
)


def _operator(place: int, match: re.Match) -> str:
    return f'.cell.ops.{place}.{match[1]}.'


def rename(key: str) -> str:
    """Return our name of a tensor that the authors call ``key``.

    Example:
        >>> rename('enhance_net.iems.2.cell.c1_r.op.weight')
        'scene.cell.ops.1.2.weight'
    """
    for pattern, replacement in RENAMINGS:
        key = re.sub(pattern, replacement, key)
    return key


def model_config(release: str) -> dict:
    """Return the config of a release's network, its genotypes in full."""
    parts = RELEASES[release]
    scene, task = (Genotype.load(name).to_dict() for name in ('ruas-scene', parts['task']))
    return dict(
        _scope_='mmfusenas', type='RUASEnhancement', scene=dict(type='RUASScene', genotype=scene, **parts['scene']),
        task=dict(type='NoiseRemoval', genotype=task), estimation=parts['estimation'],
        denoise=parts.get('denoise', 'adaptive'))


def convert(weights: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the authors' tensors under our names.

    Raises:
        UserError: If a tensor is left over, missing, or of another shape; the message names the first of each kind.
    """
    named = {rename(key): value for key, value in weights.items()}
    found = misfits(named, expected)
    if found:
        raise UserError(f'The weights do not fit. Tensors (by our names) {found}. Does --release name their version?')
    return named


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Convert the weights of RUAS's authors to a checkpoint of ours, which infers by itself. The file "
                    'holds the scene module, noise removal and, in the journal version, noise estimation.',
        epilog='example: python tools/model_converters/ruas.py lol.pt lol.pth')
    parser.add_argument('source', metavar='SRC.pt', help="the authors' file: tensors only")
    parser.add_argument('out', metavar='OUT.pth', help='checkpoint to write')
    parser.add_argument('--release', choices=list(RELEASES), default='journal',
                        help='version of the paper: TPAMI (journal, the default) or CVPR 2021')
    return parser.parse_args()


def main() -> None:
    """Convert."""
    args = parse_args()
    output_file(args.out, args.source)
    weights = extract_weights(load_checkpoint(existing_file(args.source, 'Source')), args.source)
    config = model_config(args.release)
    model = MODELS.build(ConfigDict(config))
    model.load_state_dict(convert(weights, model.state_dict()), strict=True)
    meta = dict(model_cfg=json.dumps(config), source=f'RUAS {args.release}, converted')
    save_checkpoint(dict(state_dict=model.state_dict(), meta=meta), args.out)
    print(f'{args.out}: {sum(parameter.numel() for parameter in model.parameters())} parameters')
    print(f'next:\n  {command("python", "tools/infer.py", "--model", args.out)} --input PATH --out-dir DIR')


if __name__ == '__main__':
    run_tool(main)
