"""What one image costs as the inferencer runs RUAS, over the plain eager composition of the same layers.

The plain side is written here: the three published networks one after the other, with PyTorch's functions as they are,
in contiguous memory and under the C library's default memory allocator. The other side is ``optimize_for_inference``
under ``keep_freed_memory``, which is how ``EnhanceInferencer`` and ``tools/infer.py`` run. Both have the same weights.
The measurements take turns, and each is compared with the plain one of its own turn, so that a machine that slows down
slows both; the median over the turns counts. The plain side with the same allocator is measured as well, to show the
allocator's share, and so are the three parts alone.

    python benchmarks/ruas_inference.py [--shape 400 600] [--repeats 7] [--threads N] [--json FILE]
"""
import argparse
import json
from collections.abc import Mapping
from operator import truediv
from pathlib import Path
from statistics import median

import torch
import torch.nn.functional as F
from mmengine.config import ConfigDict
from terminaltables import AsciiTable
from timing import by_allocator
from torch import Tensor

import mmfusenas.models  # noqa: F401  registers RUASEnhancement
from mmfusenas.apis.optimize import optimize_for_inference
from mmfusenas.registry import MODELS
from mmfusenas.utils.command_line import run_tool

PLAIN = 'plain eager'
BOUND = 0.65
TOLERANCE = 1 / 255
CONFIG = dict(
    type='RUASEnhancement', scene=dict(type='RUASScene', genotype='ruas-scene'),
    task=dict(type='NoiseRemoval', genotype='ruas-denoise'), estimation=dict(type='NoiseEstimation'), threshold=0.0)
# Operators of the two published cells: (kernel, dilation, residual), None for skip.
SCENE = (None, (1, 1, True), (3, 2, True), (3, 1, False), (3, 1, False), None, (3, 1, False))
REMOVAL = ((1, 1, True), (3, 1, True), (3, 2, False), (1, 1, True), (3, 1, True), (3, 1, False), (3, 1, True))


class Plain:
    """The published networks in the words of the specification."""

    def __init__(self, weights: Mapping[str, Tensor]) -> None:
        self.weights = weights

    def __call__(self, y: Tensor) -> Tensor:
        u = self.scene(y)
        return self.removal(u) if self.level(u) >= 0 else u

    def scene(self, y: Tensor) -> Tensor:
        start, results = self.local_max(y), []
        for stage in range(3):
            t = torch.sigmoid(self.cell(start, 'scene.cell', stage, SCENE)).clamp(1e-4, 1)
            results.append(((y / t).clamp(0, 1), t))
            start = self.local_max(results[-1][0]) - 0.5 * (results[-1][0] - y)
        return results[-1][0]

    def level(self, u: Tensor) -> Tensor:
        for i in range(5):
            u = self.conv(u, f'estimation.{2 * i}', 3)
            u = F.relu(u) if i < 4 else u
        return u.abs().mean()

    def removal(self, u: Tensor) -> Tensor:
        x = self.conv(u, 'task.stem', 3)
        for stage in range(3):
            x = self.cell(x, 'task.cell', stage, REMOVAL)
        return u - self.conv(x, 'task.head', 3)

    def cell(self, x: Tensor, name: str, stage: int, ops: tuple) -> Tensor:
        def op(place: int, x: Tensor) -> Tensor:
            if ops[place] is None:
                return x
            kernel, dilation, residual = ops[place]
            out = self.conv(x, f'{name}.ops.{place}.{stage}', kernel, dilation)
            return out + x if residual else out

        kept = []
        for i in (0, 2, 4):
            kept.append(F.leaky_relu(op(i, x), 0.05))
            x = F.leaky_relu(op(i + 1, x) + x, 0.05)
        kept.append(F.leaky_relu(op(6, x), 0.05))
        return self.conv(torch.cat(kept, 1), f'{name}.distill.{stage}', 1)

    def conv(self, x: Tensor, name: str, kernel: int, dilation: int = 1) -> Tensor:
        weight, bias = self.weights[f'{name}.weight'], self.weights[f'{name}.bias']
        return F.conv2d(x, weight, bias, padding=dilation * (kernel // 2), dilation=dilation)

    @staticmethod
    def local_max(x: Tensor) -> Tensor:
        return F.max_pool2d(F.pad(x, (0, 1, 0, 1)), 2, stride=1)


def main() -> None:
    args = parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    model = MODELS.build(ConfigDict(CONFIG)).eval()
    plain, fast = Plain(model.state_dict()), optimize_for_inference(model)
    y = 0.3 * torch.rand(1, 3, *args.shape)
    with torch.inference_mode():
        u = plain.scene(y)
        runs = {
            PLAIN: (lambda: plain(y), False), f'{PLAIN}, same allocator': (lambda: plain(y), True),
            'scene alone': (lambda: plain.scene(y), False), 'estimation alone': (lambda: plain.level(u), False),
            'removal alone': (lambda: plain.removal(u), False),
            'optimized': (lambda: fast.images(dict(visible=y.flip(1)))['image'].flip(1), True)}
        difference = float((runs['optimized'][0]() - runs[PLAIN][0]()).abs().max())
        times = by_allocator(runs, args.repeats)
    results = [dict(name=name, seconds=median(values), ratio=median(map(truediv, values, times[PLAIN])))
               for name, values in times.items()]
    rows = [[r['name'], f'{r["seconds"]:.3f}', f'{r["ratio"]:.2f}', BOUND if r['name'] == 'optimized' else '']
            for r in results]
    print(AsciiTable([['', 'seconds', 'over plain eager', 'at most'], *rows],
                     f'RUAS, {args.shape[0]} x {args.shape[1]}, {args.threads} threads').table)
    print(f'largest difference to the plain image: {255 * difference:.2g} / 255')
    if args.json:
        args.json.write_text(json.dumps(dict(shape=args.shape, threads=args.threads, results=results), indent=1) + '\n')
    if difference > TOLERANCE:
        raise SystemExit('error: the images differ by more than 1/255')


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--shape', nargs=2, type=int, default=(400, 600), metavar=('H', 'W'),
                        help='height and width of the image (default: 400 600)')
    parser.add_argument('--repeats', type=int, default=7, help='measurements of each (default: 7)')
    parser.add_argument('--threads', type=int, default=torch.get_num_threads(), help='threads (default: as torch has)')
    parser.add_argument('--json', type=Path, metavar='FILE', help='also write the results to a file')
    return parser.parse_args()


if __name__ == '__main__':
    run_tool(main)
