"""Convert the weights of TIM's authors: ``python tools/model_converters/tim.py SRC.pth OUT.pth --network light``."""
from __future__ import annotations

import argparse
import json
import re
from collections.abc import Mapping

from mmengine.config import ConfigDict
from torch import Tensor

import mmfusenas.models  # noqa: F401  registers TIMFusion
from mmfusenas.core.errors import UserError
from mmfusenas.nas import Genotype
from mmfusenas.registry import MODELS
from mmfusenas.utils.checkpoint import extract_weights, load_checkpoint, misfits, save_checkpoint
from mmfusenas.utils.command_line import command, existing_file, output_file, run_tool

# The order of the images is that of the published scripts: light(visible, infrared), but full(infrared, visible).
NETWORKS = dict(
    light=dict(type='TIMFusion', genotype='tim-light', order=['visible', 'infrared']),
    full=dict(type='TIMFusion', genotype='tim-full', order=['infrared', 'visible']),
    enh=dict(type='EnhancementNet', genotype='tim-enhance', merge='attention'),
    ct=dict(type='EnhancementNet', genotype='tim-mri-ct', merge='concat'),
    pet=dict(type='EnhancementNet', genotype='tim-mri-pet', merge='concat'),
    spect=dict(type='EnhancementNet', genotype='tim-mri-spect', merge='concat'),
)
FUSION = ('light', 'full')
CONFIGS = dict(enh='enhance_ivif', ct='enhance_mri-ct', pet='enhance_mri-pet', spect='enhance_mri-spect')

# From the authors' tensor names to ours, one after the other.
RENAMINGS = (
    (r'^spa\.spatial\.conv\.', 'attention.'),
    (r'^stem2\.|^cells3\.', lambda match: f'detail.{match[0][:-2]}.'),  # the numbers do not go together there
    (r'^stem3\.|^cells2\.', lambda match: f'target.{match[0][:-2]}.'),
    (r'^stem_out2\.', 'detail.head.'),
    (r'^stem_out3\.', 'target.head.'),
    (r'^stem_out4?\.', 'head.'),
    (r'\.conv2d\.', '.'),  # reflection padding is a module of its own there
    (r'\.preprocess1\.op\.', '.preprocess.'),
    (r'\.down_2\.body\.0\.', '.down2.'),
    (r'\.down_4\.body\.', '.down4.'),
    (r'\.upsample_2\.body\.0\.', '.up2.'),
    (r'\.upsample_4\.body\.', '.up4.'),
    (r'\.top\.', '.main.'),
    (r'\.bot\.', '.side.'),
    (r'\.filt$', '.kernel'),
    (r'\.SKFF\.conv_du\.', '.fusion.squeeze.'),
    (r'\.SKFF\.fcs\.', '.fusion.expand.'),
    (r'\._ops_([12])\.(\d)\._op\.', r'.ops.\2.\1.'),
    (r'\._ops\.(\d)\._op\.', r'.ops.\1.'),
    (r'\.op\.(\d)\.(?:conv\.)?', r'.body.\1.'),  # RB, DC, SC
    (r'\.conv([123])\.conv\.', lambda match: f'.convs.{int(match[1]) - 1}.'),  # DB
    (r'\.lrelu\.', '.act.'),
    (r'\.se\.spatial\.conv\.', '.conv.'),  # SA
    (r'\.se\.conv\.', '.attention.'),  # CA
    (r'\.conv1\.', '.conv.'),
    (r'\.relu\.', '.act.'),
)


def rename(key: str, multi_scale: frozenset[str] = frozenset()) -> str:
    """Return our name of a tensor that the authors call ``key``.

    Args:
        key: The authors' name.
        multi_scale: Prefixes (``cells.0``) of the cells with several scales: their ``_ops`` are those of full size.

    Example:
        >>> rename('cells.0._ops.1._op.se.conv.weight')
        'cells.0.ops.1.attention.weight'
    """
    if '.'.join(key.split('.')[:2]) in multi_scale:
        key = re.sub(r'\._ops\.(\d)\._op\.', r'.ops.\1.0.', key)
    for pattern, replacement in RENAMINGS:
        key = re.sub(pattern, replacement, key)
    return key


def convert(weights: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the authors' tensors under our names.

    Args:
        weights: The authors' state dict.
        expected: State dict of our network: the names and shapes that have to come out.

    Raises:
        UserError: If a tensor is left over, missing, claimed twice, or of another shape; the message names the first
            of each kind.
    """
    scales = frozenset('.'.join(key.split('.')[:2]) for key in weights if '._ops_1.' in key)
    names = {key: rename(key, scales) for key in weights}
    named = {name: weights[key] for key, name in names.items()}
    twice = [key for key, name in names.items() if list(names.values()).count(name) > 1]
    found = f'{len(twice)} stand for the same tensor ({", ".join(twice[:3])})' if twice else misfits(named, expected)
    if found:
        raise UserError(f'The weights do not fit. Tensors (by our names) {found}. Does --network name the network of '
                         'this file?')
    return {name: value.to(expected[name].dtype) for name, value in named.items()}


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Convert a network of TIM's authors to a checkpoint of ours: the fusion networks `light` and "
                    '`full`, or the enhancement network N_T for infrared and visible (`enh`), MRI and CT (`ct`), PET '
                    '(`pet`) or SPECT (`spect`).')
    parser.add_argument('source', metavar='SRC.pth', help="the authors' file: tensors only")
    parser.add_argument('out', metavar='OUT.pth', help='checkpoint to write: weights, genotype and model config')
    parser.add_argument('--network', required=True, choices=sorted(NETWORKS), help='which network the file holds')
    parser.add_argument('--fusion', metavar='FULL.pth',
                        help='with one of the enhancement networks: the file of `full`, for a checkpoint that holds '
                             'both and infers by itself')
    return parser.parse_args()


def next_command(network: str, out: str, infers: bool) -> str:
    """Return the command that uses the weights: to fuse, or, of N_T alone, to train with a fusion network."""
    if infers:
        return command('python', 'tools/infer.py', '--model', out) + ' --visible DIR --infrared DIR --out-dir DIR'
    weights = 'model.enhancement.init_cfg'
    return command('python', 'tools/train.py', f'configs/tim/{CONFIGS[network]}.py', '--cfg-options',
                   f'{weights}.type=Pretrained', f'{weights}.checkpoint={out}')


def read(source: str, network: str) -> tuple[dict, dict[str, Tensor]]:
    """Return config and weights of the network in a file of the authors."""
    weights = extract_weights(load_checkpoint(existing_file(source, 'Source')), source)
    # The genotype travels in full: the checkpoint does not depend on what a later version publishes under the name.
    genotype = Genotype.load(NETWORKS[network]['genotype']).to_dict()
    config = dict(NETWORKS[network], genotype=genotype, _scope_='mmfusenas')
    return config, convert(weights, MODELS.build(ConfigDict(config)).state_dict())


def main() -> None:
    """Convert."""
    args = parse_args()
    output_file(args.out, args.source, args.fusion)
    infers = args.network in FUSION or args.fusion is not None
    if args.network in FUSION and args.fusion:
        raise UserError(f'--fusion goes with the enhancement networks; {args.network} is a fusion network itself.')
    config, weights = read(args.source, args.network)
    genotype = config['genotype']
    if args.fusion:
        fusion, weights_of_fusion = read(args.fusion, 'full')
        # N_T's first image is the visible one, in medical fusion the MRI.
        order = ['visible', 'infrared'] if args.network == 'enh' else ['infrared', 'visible']
        config = dict(type='TIMEnhancement', fusion=fusion, enhancement=config, order=order, _scope_='mmfusenas')
        weights = {**{f'fusion.{name}': value for name, value in weights_of_fusion.items()},
                   **{f'enhancement.{name}': value for name, value in weights.items()}}
    model = MODELS.build(ConfigDict(config))
    model.load_state_dict(weights, strict=True)
    meta = dict(model_cfg=json.dumps(config), genotype=genotype, source=f'TIM {args.network}, converted')
    save_checkpoint(dict(state_dict=model.state_dict(), meta=meta), args.out)
    size = sum(parameter.numel() for parameter in model.parameters())
    print(f'{args.out}: {len(weights)} tensors, {size} parameters')
    print(f'next:\n  {next_command(args.network, args.out, infers)}')


if __name__ == '__main__':
    run_tool(main)
