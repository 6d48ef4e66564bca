"""What the fusion metrics cost: seconds for one pair, each metric and the whole suite.

Where torchmetrics or scikit-image have the same metric, they run on the same images in turns with ours, and their
time is given over ours. Memory that is freed is kept by the process, as in ``tools/analysis_tools/fusion_metrics.py``.

    python benchmarks/metrics.py [--shape 448 620] [--repeats 5] [--threads N] [--json FILE]
"""
from mmfusenas.utils.allocator import restart_with_fast_allocator

if __name__ == '__main__':
    restart_with_fast_allocator()  # has to come before torch is imported

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from statistics import median

import torch
from skimage.metrics import structural_similarity
from terminaltables import AsciiTable
from timing import interleaved
from torch import Tensor
from torchmetrics.functional.image import visual_information_fidelity

from mmfusenas.evaluation.suite import FUSION_METRICS, compute_scores
from mmfusenas.utils.command_line import run_tool


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--shape', nargs=2, type=int, default=(448, 620), metavar=('H', 'W'))
    parser.add_argument('--repeats', type=int, default=5, help='measurements of each (default: 5)')
    parser.add_argument('--threads', type=int, help="threads (default: torch's)")
    parser.add_argument('--json', metavar='FILE', help='also write the figures')
    return parser.parse_args()


def scenes(height: int, width: int) -> list[Tensor]:
    """Return fused, visible and infrared images with structure, N x 1 x H x W in [0, 255]."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(2, 1, height // 8, width // 8, generator=generator)
    smooth = torch.nn.functional.interpolate(coarse, (height, width), mode='bicubic').clamp(0, 1)
    visible, infrared = (0.8 * smooth + 0.2 * torch.rand(smooth.shape, generator=generator)).split(1)
    return [(image * 255).round() for image in ((visible + infrared) / 2, visible, infrared)]


def others() -> dict[str, Callable[[Tensor, Tensor, Tensor], object]]:
    """Return the same metrics by public libraries."""
    return dict(
        VIF=lambda fused, *sources: [visual_information_fidelity(fused, source) for source in sources],
        SSIM=lambda fused, *sources: [structural_similarity(fused[0, 0].numpy(), source[0, 0].numpy(), data_range=255)
                                      for source in sources])


def main() -> None:
    """Measure."""
    args = parse_args()
    torch.set_num_threads(args.threads or torch.get_num_threads())
    images, libraries = scenes(*args.shape), others()
    calls = {name: lambda name=name: compute_scores([name], *images) for name in FUSION_METRICS}
    calls['the whole suite'] = lambda: compute_scores(FUSION_METRICS, *images)
    calls |= {f'{name}, library': lambda function=function: function(*images) for name, function in libraries.items()}
    result = {name: median(values) for name, values in interleaved(calls, args.repeats).items()}
    rows = [['metric', 'seconds a pair', 'a library over ours']]
    for name in (*FUSION_METRICS, 'the whole suite'):
        ratio = f'{result[f"{name}, library"] / result[name]:.1f}' if name in libraries else ''
        rows.append([name, f'{result[name]:.4f}', ratio])
    print(AsciiTable(rows, f'{args.shape[0]} x {args.shape[1]}, {torch.get_num_threads()} threads').table)
    if args.json:
        Path(args.json).write_text(json.dumps(result, indent=1) + '\n')


if __name__ == '__main__':
    run_tool(main)
