"""Score fused images: ``python tools/analysis_tools/fusion_metrics.py --visible vi --infrared ir --fused fused``."""
from mmfusenas.core.errors import UserError
from mmfusenas.utils.allocator import restart_with_fast_allocator

if __name__ == '__main__':
    restart_with_fast_allocator()  # has to come before torch is imported

import argparse
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
from rich.progress import track
from terminaltables import AsciiTable
from torch import Tensor

from mmfusenas.apis import input_pairs
from mmfusenas.core.files import write_text
from mmfusenas.datasets.images import read_image
from mmfusenas.datasets.pairing import Pair
from mmfusenas.evaluation.suite import CONVENTIONS, Convention, compute_scores, find_metrics
from mmfusenas.utils.command_line import command, json_text, output_file, run_tool
from mmfusenas.visualization.score_plots import plot_scores

# The scores of every image: method -> metric -> stem -> value.
Scores = dict[str, dict[str, dict[str, float]]]

FIGURES = ('.png', '.pdf', '.svg')


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Score fused images by the two images that each was made of: a table of means, several methods '
                    'side by side. Colour images count by their luma (BT.601), values are in 0-255; what each metric '
                    'is, and from which paper, stands in mmfusenas/evaluation/functional. Figures to lay beside tables '
                    'that the evaluator of CDDFuse made: --convention cddfuse.',
        epilog='examples: python tools/analysis_tools/fusion_metrics.py --visible vi --infrared ir --fused fused; '
               '... --fused light=out1/images average=out2 --metrics MI VIF Qabf SSIM --json scores.json --plot '
               'scores.png. Images are paired by equal file names, or by the longest common beginning.')
    parser.add_argument('--visible', required=True, metavar='PATH', help='image, folder, or .txt list (MRI, ...)')
    parser.add_argument('--infrared', required=True, metavar='PATH', help='the same of the other sensor')
    parser.add_argument('--fused', required=True, nargs='+', metavar='[NAME=]PATH', help='fused images, by method')
    parser.add_argument('--convention', choices=CONVENTIONS, default='mmfusenas',
                        help='whose definitions of the metrics (default: mmfusenas); docs/en/metrics.md lists where '
                             'they differ')
    parser.add_argument('--metrics', nargs='+', metavar='M', help='; '.join(
        f'{name}: some of {", ".join(convention.metrics)}, or all (default: {", ".join(convention.default)})'
        for name, convention in CONVENTIONS.items()))
    parser.add_argument('--json', metavar='FILE', help='write means, deviations and the values of every image')
    parser.add_argument('--plot', metavar='FILE', help='draw boxes and cumulative curves (.png, .pdf, .svg)')
    return parser.parse_args()


def named_methods(arguments: list[str]) -> dict[str, str]:
    """Return the paths by the names of the methods; a path without a name is named after its last folder or stem.

    Raises:
        UserError: Two have the same name.
    """
    methods: dict[str, str] = {}
    for argument in arguments:
        name, equals, path = argument.partition('=')
        if not equals or Path(argument).exists():
            name, path = Path(argument).resolve().stem, argument
        if name in methods:
            raise UserError(f'Two of --fused are named {name!r}: {methods[name]} and {path}. Name them: NAME=PATH.')
        methods[name] = path
    return methods


def score(pairs: list[Pair], methods: Mapping[str, list[str]], metrics: list[str], convention: Convention) -> Scores:
    """Score the fused images of every method, in the order of the pairs."""
    def read(path: str) -> Tensor:
        return convention.read(read_image(path, cv2.IMREAD_ANYCOLOR), None)

    scores: Scores = {name: {key: {} for key in metrics} for name in methods}
    for k, pair in enumerate(track(pairs, 'scoring')):
        sources = [read(path) for path in (pair.visible, pair.infrared)]
        for name, files in methods.items():
            fused = read(files[k])
            if not fused.shape == sources[0].shape == sources[1].shape:
                sizes = ', '.join(f'{path} is {image.shape[3]} x {image.shape[2]}' for path, image in zip(
                    (files[k], pair.visible, pair.infrared), (fused, *sources)))
                raise UserError(f'Images of different size (width x height): {sizes}.')
            for key, value in compute_scores(metrics, fused, *sources, metrics=convention.metrics).items():
                scores[name][key][pair.stem] = float(value)
    return scores


def table(scores: Scores, convention: Convention) -> str:
    """Return the means, a row a method; the best of each metric is marked."""
    means = {name: {key: np.mean(list(values.values())) for key, values in row.items()} for name, row in scores.items()}
    best = {}
    for key in next(iter(means.values())):
        column = {name: row[key] for name, row in means.items()}
        best[key] = (max if convention.metrics[key].higher_is_better else min)(column, key=column.get)
    rows = [[name, *(f'{value:.4f}{" *" if len(means) > 1 and best[key] == name else ""}'
                     for key, value in row.items())] for name, row in means.items()]
    heads = [key if convention.metrics[key].higher_is_better else f'{key} (lower is better)' for key in best]
    return AsciiTable([['method', *heads], *rows]).table


def to_json(scores: Scores, name: str) -> str:
    """Return everything as JSON; ``name`` is that of the convention."""
    methods = {name: {
        'mean': {key: float(np.mean(list(values.values()))) for key, values in row.items()},
        'std': {key: float(np.std(list(values.values()))) for key, values in row.items()},
        'per_image': {stem: {key: row[key][stem] for key in row} for stem in next(iter(row.values()))},
    } for name, row in scores.items()}
    images = len(next(iter(methods.values()))['per_image'])
    return json_text(dict(convention=name, channel=CONVENTIONS[name].channel, value_range=[0, 255], images=images,
                          methods=methods))


def main() -> None:
    """Score."""
    args = parse_args()
    convention = CONVENTIONS[args.convention]
    metrics = find_metrics(args.metrics or convention.default, convention.metrics)
    for file, other in ((args.json, args.plot), (args.plot, None)):
        if file:
            output_file(file, args.visible, args.infrared, *named_methods(args.fused).values(), other)
    if args.plot and Path(args.plot).suffix not in FIGURES:
        raise UserError(f'--plot {args.plot}: give a file that ends in {", ".join(FIGURES)}.')
    pairs = input_pairs(args.visible, args.infrared)
    methods = {name: [pair.infrared for pair in input_pairs(args.visible, path)]
               for name, path in named_methods(args.fused).items()}
    scores = score(pairs, methods, metrics, convention)
    print(f'Convention {args.convention}: {convention.channel}, values in 0-255, '
          + (f'means of {len(pairs)} images' if len(pairs) > 1 else 'of one image')
          + ('; * is the best.' if len(methods) > 1 else '.'))
    print(table(scores, convention))
    if args.json:
        write_text(args.json, to_json(scores, args.convention))
    if args.plot:
        Path(args.plot).parent.mkdir(parents=True, exist_ok=True)
        plot_scores({name: {key: list(values.values()) for key, values in row.items()}
                     for name, row in scores.items()}).savefig(args.plot, dpi=120)
    print('\ndone; next, a model of your own:\n  ' + command(
        'python', 'tools/infer.py', '--model', 'tim-light', '--visible', args.visible, '--infrared', args.infrared,
        '--out-dir', 'fused'))


if __name__ == '__main__':
    run_tool(main)
