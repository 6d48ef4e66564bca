"""Measure what every candidate of a search costs: ``build_latency_table.py CONFIG --out table.json``."""
from mmfusenas.core.errors import UserError
from mmfusenas.utils.allocator import restart_with_fast_allocator

if __name__ == '__main__':
    restart_with_fast_allocator()  # has to come before torch is imported

import argparse
import os
import sys
from functools import partial

from mmengine.config import Config
from rich.progress import track
from terminaltables import AsciiTable

from mmfusenas.apis.exported_model import RUNTIMES
from mmfusenas.apis.graph_timer import GraphTimer
from mmfusenas.apis.loading import build_from_config, check_device
from mmfusenas.nas import SearchSpace
from mmfusenas.nas.cost_table import CostTable
from mmfusenas.nas.latency import measure_costs
from mmfusenas.utils.command_line import (
    ConfigOptions,
    command,
    load_config,
    output_file,
    run_tool,
    typed_settings,
)
from mmfusenas.utils.config_hooks import get_hooks, place_of_hook
from mmfusenas.utils.config_parts import type_name
from mmfusenas.utils.sensors import random_inputs


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Measure latency, multiply-adds and parameters of every candidate operator of a supernet on this '
                    'machine, at the sizes that it sees inside the network.',
        epilog='example: python tools/analysis_tools/build_latency_table.py configs/tim/retinanet_ivif_search.py --out '
               'table.json --shape 256 320. Run it on the kind of machine that the found network is for, with nothing '
               'else running.')
    parser.add_argument('config', help='config of a search')
    parser.add_argument('--out', required=True, metavar='TABLE.json', help='file for the table')
    parser.add_argument('--shape', nargs=2, type=int, default=(448, 620), metavar=('H', 'W'),
                        help='height and width of the images (default: 448 620, which the paper measures at)')
    parser.add_argument('--device', default='cpu', help='cpu (default) or cuda')
    parser.add_argument('--backend', choices=RUNTIMES,
                        help='measure every candidate as an exported graph in this runtime, on the CPU (default: in '
                             'PyTorch)')
    parser.add_argument('--cfg-options', nargs='+', action=ConfigOptions,
                        help='settings of the config to override, such as model.net.channels=8')
    return parser.parse_args()


def measure(cfg: Config, shape: tuple[int, int], device: str, backend: str | None = None) -> CostTable:
    """Return the table of the model of a config, for images of ``shape``."""
    device = check_device(device)
    model = build_from_config(cfg).to(device)
    space = SearchSpace(model)
    if not len(space):
        raise UserError(f'{cfg.filename} has no choice left to measure: give the config of a search.')
    inputs = random_inputs(model, shape, device=device)
    return measure_costs(space, list(inputs.values()), lambda *images: model(dict(zip(inputs, images))),
                         track=partial(track, description='measuring'),
                         timer=GraphTimer(space, backend) if backend else None)


def printed(table: CostTable) -> str:
    """Return the table as text: the choices, then the fixed part of the network."""
    rows = [['Choice', 'Candidate', 'Latency (ms)', 'Multiply-adds (M)', 'Parameters']]
    sites = [(name, candidate, cost) for name, costs in table.choices.items() for candidate, cost in costs.items()]
    parts = [(path, 'the part itself', cost) for path, cost in table.optional.items()]
    for name, candidate, cost in [*sites, *parts, ('the fixed part', '', table.rest)]:
        numbers = f'{cost["latency_ms"]:.2f}', f'{cost["macs"] / 1e6:,.1f}', f'{cost["parameters"]:,}'
        rows.append([name, candidate, *numbers])
    text = AsciiTable(rows)
    text.justify_columns = {2: 'right', 3: 'right', 4: 'right'}
    return text.table


def warn_if_busy() -> None:
    """Say so where other programs take the processor: latencies are then many times too long, and not even in order."""
    load, cores = os.getloadavg()[0], os.cpu_count()
    if load > 0.5 * cores:
        print(f'warning: the {cores} cores of this machine are busy (load {load:.1f}); measure again when it is idle, '
              'latencies are not to be trusted otherwise', file=sys.stderr)


def next_command(cfg: Config, config: str, out: str) -> str:
    """Return the command that searches with the table."""
    one_shot = place_of_hook(cfg, 'PathSamplingHook') or (
        'train_cfg' if type_name(cfg.get('train_cfg') or {}) == 'EvolutionSearchLoop' else None)
    if one_shot:  # its constraints, or its limit, which then is in milliseconds
        limits = ['train_cfg.limit=MILLISECONDS', 'load_from=SUPERNET'] if one_shot == 'train_cfg' else []
        return command('python', 'tools/train.py', config, '--cfg-options', f'{one_shot}.table={out}',
                       f'{one_shot}.cost=latency_ms', *limits, *typed_settings('model.'), cfg=cfg)
    search = place_of_hook(cfg, 'BilevelSearchHook')
    if search is None:
        return f"set cost=dict(table='{out}', weight=...) in the BilevelSearchHook of a search of this model"
    options = [f'{search}.cost.table={out}']
    if not (get_hooks(cfg)[search].get('cost') or {}).get('weight'):
        options.append(f'{search}.cost.weight=0.5')  # of the latency of uniform choices, TIM's table 8
    return command('python', 'tools/train.py', config, '--cfg-options', *options, *typed_settings('model.'), cfg=cfg)


def main() -> None:
    """Measure."""
    args = parse_args()
    output_file(args.out, args.config)
    cfg = load_config(args.config, args.cfg_options)
    warn_if_busy()
    if args.backend and args.device != 'cpu':
        raise UserError(f'--backend {args.backend} measures on the CPU: leave out --device {args.device}.')
    table = measure(cfg, tuple(args.shape), args.device, args.backend)
    table.save(args.out)
    print(printed(table))
    print(f'{args.out}: images of {args.shape[0]} x {args.shape[1]} on {table.conditions["device"]}, '
          f'{table.conditions["threads"]} threads, {table.conditions["runtime"]}')
    print(f'\ndone; next:\n  {next_command(cfg, args.config, args.out)}')


if __name__ == '__main__':
    run_tool(main)
