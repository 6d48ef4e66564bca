"""What one image costs as the inferencer runs ``light``, over the plain eager composition of the same operators.

The plain side is written here, with PyTorch's modules as they are, in contiguous memory and under the C library's
default memory allocator. The other side is ``optimize_for_inference`` under ``keep_freed_memory``, which is how
``FusionInferencer`` and ``tools/infer.py`` run: as it is, and compiled. Both have the same weights. The measurements
take turns, and each is compared with the plain one of its own turn, so that a machine that slows down slows both; the
median over the turns counts. The plain side with the same allocator is measured as well, to show the allocator's share.

    python benchmarks/fusion_inference.py [--shape 448 620] [--repeats 7] [--threads N] [--no-compile] [--json FILE]
"""
import argparse
import json
from collections.abc import Callable
from functools import partial
from operator import truediv
from pathlib import Path
from statistics import median

import torch
import torch.nn.functional as F
from terminaltables import AsciiTable
from timing import by_allocator
from torch import Tensor, nn

from mmfusenas.apis.optimize import optimize_for_inference
from mmfusenas.models.scene import TIMFusion
from mmfusenas.utils.command_line import run_tool

PLAIN = 'plain eager'
BOUNDS = {'optimized': 0.65, 'optimized, compiled': 0.40}
TOLERANCE = 1e-5


class PlainLight(nn.Module):
    """The published ``light`` network, composed plainly; its parameters are in the order of ours."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(reflecting(2, 96), nn.PReLU(), reflecting(96, 48), nn.PReLU())
        self.cells = nn.Sequential(PlainCell(), PlainCell())
        self.head = nn.Sequential(reflecting(48, 48), nn.PReLU(), reflecting(48, 24), nn.Conv2d(24, 1, 1))

    def forward(self, visible: Tensor, infrared: Tensor) -> Tensor:
        return self.head(self.cells(self.stem(torch.cat([visible, infrared], 1))))


class PlainCell(nn.Module):
    """C_SC of 3-RB and 3-CA at 48 channels."""

    def __init__(self) -> None:
        super().__init__()
        self.preprocess = nn.Sequential(nn.ReLU(), nn.Conv2d(48, 48, 1, bias=False), nn.BatchNorm2d(48))
        self.residual = nn.Sequential(
            nn.Conv2d(48, 48, 3, padding=1, groups=48, bias=False),
            nn.Conv2d(48, 48, 3, padding=2, dilation=2, groups=48, bias=False),
            nn.Conv2d(48, 48, 1, bias=False), nn.BatchNorm2d(48), nn.PReLU())
        self.attention = nn.Conv1d(1, 1, 3, padding=1, bias=False)
        self.conv = nn.Sequential(nn.Conv2d(48, 48, 3, padding=1, bias=False), nn.PReLU())

    def forward(self, x: Tensor) -> Tensor:
        x = self.preprocess(x)
        x = self.residual(x) + x
        means = F.adaptive_avg_pool2d(x, 1).flatten(1)
        scale = torch.sigmoid(self.attention(means[:, None]))[:, 0, :, None, None]
        return self.conv(x * scale)


def reflecting(channels_in: int, channels_out: int) -> nn.Conv2d:
    return nn.Conv2d(channels_in, channels_out, 3, padding=1, padding_mode='reflect')


def main() -> None:
    args = parse_args()
    torch.set_num_threads(args.threads)
    net, plain = networks()
    images = tuple(torch.rand(2, 1, 1, *args.shape))
    runs = {PLAIN: (plain, False), f'{PLAIN}, same allocator': (plain, True),
            'optimized': (optimize_for_inference(net).fuse, True)}
    if args.compile:
        runs['optimized, compiled'] = (optimize_for_inference(net, compile=True).fuse, True)
    runs['optimized, bf16'] = (in_bf16(optimize_for_inference(net)), True)
    with torch.inference_mode():
        differences = largest_differences(runs, images)
        times = by_allocator(
            {name: (partial(run, *images), keep) for name, (run, keep) in runs.items()}, args.repeats)
    results = [
        dict(name=name, seconds=median(values), ratio=median(map(truediv, values, times[PLAIN])),
             bound=BOUNDS.get(name), difference=differences[name])
        for name, values in times.items()]
    print(table(results, args.shape))
    if args.json:
        record = dict(shape=args.shape, threads=torch.get_num_threads(), results=results)
        args.json.write_text(json.dumps(record, indent=1) + '\n')
    wrong = [name for name in BOUNDS if differences.get(name, 0) > TOLERANCE]
    if wrong:
        raise SystemExit(f'error: {", ".join(wrong)} differs from the plain network by more than {TOLERANCE}')


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--shape', nargs=2, type=int, default=(448, 620), metavar=('H', 'W'),
                        help='height and width of the images (default: 448 620)')
    parser.add_argument('--repeats', type=int, default=7, help='measurements of each (default: 7)')
    parser.add_argument('--threads', type=int, default=torch.get_num_threads(), help='threads (default: as torch has)')
    parser.add_argument('--no-compile', dest='compile', action='store_false', help='leave torch.compile out')
    parser.add_argument('--json', type=Path, metavar='FILE', help='also write the results to a file')
    return parser.parse_args()


def networks() -> tuple[TIMFusion, PlainLight]:
    """Our network with random weights and statistics, and the plain one with the same; outputs vary as images do."""
    torch.manual_seed(0)
    net, plain = TIMFusion(genotype='tim-light').eval(), PlainLight().eval()
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.2)
            module.running_var.uniform_(0.5, 2)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, 0, 0.2)
        elif isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity='leaky_relu')
    with torch.no_grad():
        net.head[-1].weight *= 0.25 / net.fuse(*torch.rand(2, 1, 1, 64, 64)).std()
    plain.load_state_dict(dict(zip(plain.state_dict(), net.state_dict().values(), strict=True)))
    return net, plain


def in_bf16(net: TIMFusion) -> Callable[[Tensor, Tensor], Tensor]:
    net = net.to(torch.bfloat16)
    return lambda *images: net.fuse(*(image.bfloat16() for image in images)).float()


def largest_differences(runs: dict, images: tuple[Tensor, Tensor]) -> dict[str, float]:
    """The largest absolute difference to the plain output, of images in [0, 1]; also the warm-up of each."""
    outputs = {name: run(*images) for name, (run, _) in runs.items()}
    return {name: float((output - outputs[PLAIN]).abs().max()) for name, output in outputs.items()}


def table(results: list[dict], shape: tuple[int, int]) -> str:
    rows = [[r['name'], f'{r["seconds"]:.3f}', f'{r["ratio"]:.2f}', r['bound'] or '', f'{r["difference"]:.1e}']
            for r in results]
    head = ['', 'seconds', 'over plain eager', 'at most', 'largest difference']
    return AsciiTable([head, *rows], f'light, {shape[0]} x {shape[1]}, {torch.get_num_threads()} threads').table


if __name__ == '__main__':
    run_tool(main)
