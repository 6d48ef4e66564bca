"""What mixed precision, tiles, batches and exported graphs change of an inference: time, peak memory, and the image.

Each row runs ``FusionInferencer`` on the same pairs in a process of its own, in turn: as it is, with ``amp``, with
each ``--tile``, in batches of each ``--batch``, and each ``--graph`` in onnxruntime and in OpenVINO. Seconds are the
processor time of a pair, the first one or batch left out; memory is the peak of the process, with what Python and the
model take. The image is compared with that of the first row, in levels of 255; of detections and maps the table has the
share of pairs with as many boxes, and of pixels with the same class.

    python benchmarks/inference_options.py --model tim-light --visible data/msrs/test/vi --infrared data/msrs/test/ir
    python benchmarks/inference_options.py --model tim-retinanet-msrs --visible data/msrs/test/vi \
        --infrared data/msrs/test/ir --graph detector.onnx detector-int8.onnx
    python benchmarks/inference_options.py --model tim-light --shape 2160 3840 --pairs 1 --tile 1024 --only-tiles
"""
import argparse
import multiprocessing
import resource
import time
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.utils import track_iter_progress
from terminaltables import AsciiTable

from mmfusenas.apis import ExportedModel, FusionInferencer, input_pairs
from mmfusenas.apis.exported_model import RUNTIMES
from mmfusenas.utils.command_line import run_tool


def main() -> None:
    args = parse_args()
    pairs = pairs_of(args)
    variants = {**({} if args.only_tiles else {'as it is': {}}),
                **({} if args.only_tiles or args.no_amp else {'amp': dict(amp=True)}),
                **{f'tile of {tile}': dict(tile=tile) for tile in args.tile},
                **{f'batches of {number}': dict(batch_size=number) for number in args.batch},
                **{f'{Path(graph).name}, {runtime}': dict(graph=graph, runtime=runtime)
                   for graph in args.graph for runtime in RUNTIMES}}
    context = multiprocessing.get_context('spawn')
    with context.Pool(1, maxtasksperchild=1) as pool:
        found = [pool.apply(measure, (args.model, options, pairs))
                 for options in track_iter_progress(list(variants.values()))]
    rows = [['', 'seconds a pair', 'ratio', 'peak memory (GB)', 'mean difference', 'largest', 'same boxes',
             'same classes']]
    for name, (seconds, memory, outputs) in zip(variants, found, strict=True):
        rows.append([name, f'{seconds:.2f}', f'{seconds / found[0][0]:.2f}', f'{memory:.2f}',
                     *compared(outputs, found[0][2])])
    print('\n' + AsciiTable(rows, f'{args.model}, {len(pairs)} pairs').table)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--model', default='tim-light', help='bundled weights or checkpoint (default: %(default)s)')
    parser.add_argument('--visible', metavar='PATH', help='visible images (default: random ones)')
    parser.add_argument('--infrared', metavar='PATH', help='infrared images')
    parser.add_argument('--pairs', type=int, default=11, help='number of pairs, evenly drawn (default: %(default)s)')
    parser.add_argument('--shape', nargs=2, type=int, default=[480, 640], metavar=('H', 'W'),
                        help='height and width of random images (default: 480 640)')
    parser.add_argument('--tile', nargs='*', type=int, default=[], metavar='N', help='sides of tiles to try')
    parser.add_argument('--batch', nargs='*', type=int, default=[], metavar='N', help='sizes of batches to try')
    parser.add_argument('--graph', nargs='*', default=[], metavar='FILE.onnx',
                        help='graphs of the model to try, of a detector with --nms')
    parser.add_argument('--no-amp', action='store_true', help='no mixed precision, which some processors are slow in')
    parser.add_argument('--only-tiles', action='store_true', help='nothing else, where memory does not allow it')
    return parser.parse_args()


def pairs_of(args: argparse.Namespace) -> list[tuple[Any, Any]]:
    """Return pairs of paths, or of random arrays."""
    if args.visible:
        paths = [pair.paths for pair in input_pairs(args.visible, args.infrared)]
        places = np.linspace(0, len(paths) - 1, min(args.pairs, len(paths))).round().astype(int)
        return [tuple(paths[i]) for i in places]
    rng = np.random.default_rng(0)
    return [(rng.integers(0, 256, (*args.shape, 3), np.uint8), rng.integers(0, 256, args.shape, np.uint8))
            for _ in range(args.pairs)]


def measure(model: str, options: dict, pairs: list[tuple[Any, Any]]) -> tuple[float, float, list[dict]]:
    """Return seconds a pair, the peak of the process's memory in GB, and the results."""
    batch_size = options.pop('batch_size', 1)
    if 'graph' in options:
        infer = FusionInferencer(ExportedModel(options['graph'], options['runtime']))
    else:
        infer = FusionInferencer(model, **options)
    outputs, seconds = [], []
    for first in range(0, len(pairs), batch_size):
        batch = pairs[first:first + batch_size]
        start = time.process_time()
        results = [infer(*pairs[first])] if batch_size == 1 else infer(*map(list, zip(*batch)), batch_size=batch_size)
        seconds.append((time.process_time() - start) / len(batch))
        outputs += [{name: output[name] for name in ('image', 'boxes', 'mask')} for output in results]
    return float(np.mean(seconds[1:] or seconds)), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, outputs


def compared(outputs: list[dict], first: list[dict]) -> list[str]:
    """Return how results differ from those of the first row."""
    differences = [np.abs(a['image'].astype(int) - b['image']) for a, b in zip(outputs, first, strict=True)]
    boxes = [len(a['boxes']) == len(b['boxes']) for a, b in zip(outputs, first)
             if a['boxes'] is not None and b['boxes'] is not None]
    classes = [(a['mask'] == b['mask']).mean() for a, b in zip(outputs, first)
               if a['mask'] is not None and b['mask'] is not None]
    return [f'{np.mean([x.mean() for x in differences]):.2f}', f'{max(x.max() for x in differences)}',
            *(f'{np.mean(shares):.3f}' if shares else '' for shares in (boxes, classes))]


if __name__ == '__main__':
    run_tool(main)
