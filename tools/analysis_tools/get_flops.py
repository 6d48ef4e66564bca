"""Count parameters and multiply-adds: ``python tools/analysis_tools/get_flops.py CONFIG --shape 448 620``."""
import argparse
import json
from collections import Counter

from terminaltables import AsciiTable
from torch import nn

from mmfusenas.apis.loading import build_from_config
from mmfusenas.core.errors import UserError
from mmfusenas.nas import SearchSpace
from mmfusenas.utils.command_line import ConfigOptions, command, load_config, run_tool
from mmfusenas.utils.complexity import complexity_by_part, count_parameters, multiply_adds


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Count the parameters of a model, and the multiply-adds of its convolutions and linear layers for '
                    'one pair of images. A supernet is counted with all its candidates.')
    parser.add_argument('config', help='config file')
    parser.add_argument('--shape', nargs=2, type=int, default=(448, 620), metavar=('H', 'W'),
                        help='height and width of the images (default: 448 620, which the paper counts at)')
    parser.add_argument('--cfg-options', nargs='+', action=ConfigOptions, metavar='KEY=VALUE',
                        help='values to override in the config, e.g. model.genotype=genotype.json')
    parser.add_argument('--json', action='store_true', help='print a JSON object with parameters and macs, and no more')
    return parser.parse_args()


def printed(parts: dict[str, dict[str, int]]) -> str:
    """Return the costs of the parts as a table."""
    rows = [[name, f'{cost["parameters"]:,}', f'{cost["macs"] / 1e9:.2f}'] for name, cost in parts.items()]
    table = AsciiTable([['Part', 'Parameters', 'Multiply-adds (G)'], *rows])
    table.justify_columns = {1: 'right', 2: 'right'}
    return table.table


def report(model: nn.Module, macs: Counter[nn.Module], shape: tuple[int, int]) -> str:
    """Return what is printed for people."""
    lines = [
        printed(complexity_by_part(model, macs)),
        f'One pair of {shape[0]} x {shape[1]}; convolutions and linear layers.',
        f'Parameters: {count_parameters(model)}',
        f'Multiply-adds: {macs.total() / 1e9:.2f} G',
    ]
    choices = len(SearchSpace(model))
    if choices:
        lines.insert(2, f'A supernet of {choices} choices: all candidates count, architecture parameters do not.')
    return '\n'.join(lines)


def main() -> None:
    """Count."""
    args = parse_args()
    cfg = load_config(args.config, args.cfg_options)
    shape = tuple(args.shape)
    if min(shape) < 1:
        raise UserError(f'--shape got {shape[0]} {shape[1]}; height and width are positive.')
    model = build_from_config(cfg)
    SearchSpace(model).relax()
    macs = multiply_adds(model, shape)
    if args.json:
        print(json.dumps(dict(parameters=count_parameters(model), macs=macs.total(), shape=shape)))
        return
    print(report(model, macs, shape))
    print(f'\ndone; next:\n  {command("python", "tools/train.py", args.config, cfg=cfg)}')


if __name__ == '__main__':
    run_tool(main)
