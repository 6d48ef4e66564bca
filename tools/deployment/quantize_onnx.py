"""Write an exported graph in int8: ``python tools/deployment/quantize_onnx.py tim.onnx --out tim-int8.onnx ...``."""
import argparse
from pathlib import Path

import numpy as np
from mmengine.registry import init_default_scope

from mmfusenas.apis import input_images, input_pairs
from mmfusenas.apis.exported_model import RUNTIMES
from mmfusenas.apis.quantizing import calibration_images, quantize_onnx
from mmfusenas.core.errors import UserError
from mmfusenas.datasets.leaves import dataset_leaves, is_drawn, scan
from mmfusenas.utils.command_line import load_config, output_file, run_tool
from mmfusenas.utils.config_parts import type_name


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Write a graph of export_onnx.py with its convolutions in int8, for onnxruntime and OpenVINO. The '
                    'ranges of its activations are those over some pairs of images; take them from the training data.',
        epilog='examples: quantize_onnx.py light.onnx --out light-int8.onnx --visible data/train/vi --infrared '
               'data/train/ir; quantize_onnx.py detector.onnx --out detector-int8.onnx --config '
               'configs/tim/retinanet_ivif.py --keep-float /task/backbone/')
    parser.add_argument('graph', metavar='FILE.onnx', help='graph that export_onnx.py wrote')
    parser.add_argument('--out', required=True, metavar='FILE.onnx', help='file to write')
    parser.add_argument('--config', help='config whose training images are calibrated on')
    parser.add_argument('--visible', metavar='PATH', help='instead: visible images, a file, folder or list')
    parser.add_argument('--infrared', metavar='PATH', help='and infrared ones')
    parser.add_argument('--pairs', type=int, default=16, help='number of pairs, evenly drawn (default: %(default)s)')
    parser.add_argument('--keep-float', nargs='+', default=[], metavar='PATTERN',
                        help='layers that stay in float, where int8 costs too much: regular expressions, looked for in '
                             'the names of the nodes')
    parser.add_argument('--reduce-range', action='store_true',
                        help='weights of 7 bit, for processors without VNNI (avx512_vnni or avx_vnni in '
                             '/proc/cpuinfo), on which sums of those of 8 bit saturate')
    parser.add_argument('--runtime', choices=RUNTIMES, default='onnxruntime',
                        help='what will run it: a graph for OpenVINO rounds less (default: %(default)s)')
    return parser.parse_args()


def main() -> None:
    """Quantise."""
    args = parse_args()
    if bool(args.config) == bool(args.visible) or args.infrared and not args.visible or args.pairs < 1:
        raise UserError('Give --config, or --visible and, of pairs, --infrared; and --pairs of at least 1.')
    output_file(args.out, args.graph)
    try:
        import onnxruntime.quantization  # noqa: F401
    except ImportError as error:
        raise UserError(f"Quantisation needs onnx and onnxruntime ({error}): pip install -e '.[deploy]' in the "
                        'checkout.') from error
    samples, load = training_samples(args.config) if args.config else (given_samples(args), {})
    samples = evenly_drawn(samples, args.pairs)
    number = quantize_onnx(args.graph, args.out, calibration_images(args.graph, samples, load), args.keep_float,
                           args.reduce_range, args.runtime)
    sizes = [Path(path).stat().st_size / 1e6 for path in (args.graph, args.out)]
    print(f'{args.out}: {sizes[1]:.1f} MB ({sizes[0]:.1f} MB before), {number} layers in int8, calibrated on '
          f'{len(samples)} samples')


def training_samples(config: str) -> tuple[list[dict], dict]:
    """Return the images that a config trains on, and how they are loaded.

    Raises:
        UserError: There are none in files.
    """
    cfg = load_config(config)
    init_default_scope('mmfusenas')
    leaves = [leaf for name, leaf in dataset_leaves(cfg).items() if name.startswith('train')]
    infos = [scan(leaf, limit=1)[0] for leaf in leaves]
    if not infos or any(map(is_drawn, infos)):
        raise UserError(f'{config} has no training images in files to calibrate on: give --visible and --infrared.')
    steps = [step for leaf in leaves for step in leaf.get('pipeline', ()) if type_name(step) == 'LoadPairFromFile']
    load = {key: value for key, value in (steps or [{}])[0].items() if key != 'type'}
    return [info for some in infos for info in some], load


def given_samples(args: argparse.Namespace) -> list[dict]:
    """Return the images that the command line names."""
    if not args.infrared:
        return [dict(img_path=pair.visible) for pair in input_images(args.visible)]
    return [dict(img_path=pair.visible, infrared_path=pair.infrared)
            for pair in input_pairs(args.visible, args.infrared)]


def evenly_drawn(samples: list[dict], number: int) -> list[dict]:
    """Return so many of the samples, from the first to the last."""
    places = np.linspace(0, len(samples) - 1, min(number, len(samples))).round().astype(int)
    return [samples[place] for place in places]


if __name__ == '__main__':
    run_tool(main)
