"""What one target costs a network of guided super-resolution: DCNAS, the latencies of figs. 9 and 10.

The printed networks, and any that was found, at the sizes of the paper: 480 x 480 (fig. 9, on a GPU) and 128 x 128
(fig. 10, on small devices). Each runs as the inferencer has it, by ``optimize_for_inference``, over the same layers as
they are, in turns; the medians count.

    python benchmarks/guided_inference.py [--shapes 480x480 128x128] [--device cuda] [--repeats 7]
    python benchmarks/guided_inference.py --genotypes 8:work_dirs/depth_x8_demo_search/genotype.json
"""
from mmfusenas.utils.allocator import restart_with_fast_allocator

if __name__ == '__main__':
    restart_with_fast_allocator()  # has to come before torch is imported

import argparse
import copy
from functools import partial
from pathlib import Path
from statistics import median

import torch
from mmengine.utils import track_iter_progress
from terminaltables import AsciiTable
from timing import interleaved

from mmfusenas.apis.optimize import optimize_for_inference
from mmfusenas.models.restorers import GuidedSRNet
from mmfusenas.nas import Genotype
from mmfusenas.utils.command_line import run_tool
from mmfusenas.utils.complexity import count_parameters

PRINTED = {'dcnas-4x': 16, 'dcnas-16x': 16, 'dcnas-tiny-16x': 8}
"""Channels of the printed networks."""


@torch.inference_mode()
def main() -> None:
    args = parse_args()
    networks = {name: GuidedSRNet(name, channels) for name, channels in PRINTED.items()}
    for channels, file in args.genotypes:
        networks[file] = GuidedSRNet(Genotype.load(file).part('net'), channels)
    rows = []
    for name, shape in track_iter_progress([(name, shape) for name in networks for shape in args.shapes]):
        plain = copy.deepcopy(networks[name]).to(args.device).eval()
        inputs = [torch.rand(1, channels, *shape, device=args.device) for channels in (1, 3)]
        fast = optimize_for_inference(plain)
        times = interleaved(dict(plain=partial(plain, *inputs), fast=partial(fast, *inputs)), args.repeats)
        eager, optimized = (1e3 * median(times[side]) for side in ('plain', 'fast'))
        rows.append([name, f'{count_parameters(plain) / 1e6:.3f}', '{} x {}'.format(*shape), f'{optimized:.1f}',
                     f'{optimized / eager:.2f}'])
    device = torch.cuda.get_device_name() if args.device == 'cuda' else f'CPU, {torch.get_num_threads()} threads'
    print('\n' + AsciiTable([['network', 'M parameters', 'size', 'ms', 'over eager'], *rows], device).table)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--genotypes', nargs='+', type=found, default=[], metavar='C:GENOTYPE.json',
                        help='networks that were found, with their channels C')
    parser.add_argument('--shapes', nargs='+', type=shape, default=[(480, 480), (128, 128)], metavar='HxW',
                        help='default: 480x480 128x128')
    parser.add_argument('--device', default='cpu', choices=['cpu', 'cuda'], help='default: cpu')
    parser.add_argument('--repeats', type=int, default=7, help='timed runs of each (default: %(default)s)')
    return parser.parse_args()


def found(text: str) -> tuple[int, str]:
    channels, _, file = text.partition(':')
    if not channels.isdigit() or not Path(file).is_file():
        raise argparse.ArgumentTypeError(f'{text!r} is not C:FILE with an existing file, such as 8:genotype.json')
    return int(channels), file


def shape(text: str) -> tuple[int, int]:
    height, _, width = text.partition('x')
    if not height.isdigit() or not width.isdigit():
        raise argparse.ArgumentTypeError(f'{text!r} is not HxW, such as 480x480')
    return int(height), int(width)


if __name__ == '__main__':
    run_tool(main)
