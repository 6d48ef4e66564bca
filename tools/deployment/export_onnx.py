"""Write a model as ONNX: ``python tools/deployment/export_onnx.py --model tim-light --out light.onnx``."""
import argparse
from collections.abc import Sequence
from pathlib import Path

from mmcv.image import rescale_size
from torch import nn

from mmfusenas.apis import load_model
from mmfusenas.apis.exporting import export_onnx, graph_properties
from mmfusenas.apis.loading import input_options
from mmfusenas.core.errors import UserError
from mmfusenas.utils.command_line import add_model_options, chosen_model, command, output_file, run_tool
from mmfusenas.utils.config_parts import type_name

TRACED = (448, 640)
LARGE = (1080, 1920)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Write a fusion network, an enhancement network, or either with a detector or segmentor as an ONNX '
                    'file, and compare it with PyTorch in onnxruntime. Inputs: `visible` N x 3 x H x W (BGR) and, '
                    'of pairs, `infrared` N x 1 x H x W in [0, 1]. Outputs: `image` (BGR in [0, 1]); of a detector '
                    '`boxes` (pixels), `scores` and `labels` before any is suppressed; of a segmentor `logits`. '
                    'Images are normalised and padded in the graph; the names of its classes are in its metadata. '
                    'Of guided super-resolution `guide` and `target`, enlarged by bicubic interpolation and scaled to '
                    '[0, 1] of its range, to `restored`, scaled alike.',
        epilog='examples: export_onnx.py --model tim-light --out light.onnx --shape dynamic; export_onnx.py '
               'configs/tim/retinanet_ivif.py epoch_12.pth --out detector.onnx --shape 480 640. It prints which '
               'sizes a graph of dynamic ones takes; a detector takes one pair at a time.')
    add_model_options(parser)
    parser.add_argument('--out', required=True, metavar='FILE.onnx', help='file to write')
    parser.add_argument('--shape', nargs='+', default=['dynamic'], metavar='H W',
                        help='height and width of the images, or: dynamic (default)')
    parser.add_argument('--nms', action='store_true',
                        help="suppress a detector's boxes in the graph, as its test_cfg says; what is left comes best "
                             'first. One of queries (DETR) has none to suppress')
    return parser.parse_args()


def shape_of(words: list[str]) -> tuple[int, int] | None:
    """Return height and width, None for ``dynamic``.

    Raises:
        UserError: It is neither.
    """
    if words == ['dynamic']:
        return None
    if len(words) != 2 or not all(word.isdigit() and int(word) for word in words):
        raise UserError(f'--shape {" ".join(words)}: give two whole numbers, height and width, or the word dynamic.')
    return int(words[0]), int(words[1])


def resized(pipeline: Sequence[dict], shape: tuple[int, int]) -> tuple[int, int] | None:
    """Return the height and width that a pipeline brings images of ``shape`` to, None where it leaves them."""
    height, width = shape
    for step in (part for outer in pipeline for part in outer.get('transforms', [outer])):
        if type_name(step).endswith('Resize') and 'scale' in step:
            scale = tuple(step['scale'])
            width, height = rescale_size((width, height), scale) if step.get('keep_ratio') else scale
    return None if (height, width) == shape else (height, width)


def main() -> None:
    """Export."""
    args = parse_args()
    shape = shape_of(args.shape)
    source, checkpoint = chosen_model(args)
    output_file(args.out, source, checkpoint)
    try:
        import onnxruntime  # noqa: F401
    except ImportError as error:
        raise UserError(
            f"ONNX export needs onnx and onnxruntime ({error}): pip install -e '.[deploy]' in the checkout.") from error
    model = load_model(source, checkpoint)
    difference = export_onnx(model, args.out, shape or TRACED, not shape, args.nms)
    size = Path(args.out).stat().st_size / 1e6
    properties = graph_properties(args.out)
    step = properties['size_divisor']
    steps = f' that are multiples of {step}' * (step > 1)
    sizes = f'{shape[0]} x {shape[1]}' if shape else f'any height and width{steps}'
    print(f'{args.out}: {size:.1f} MB, {sizes}; differs from PyTorch by at most {difference:.1e}')
    trained = resized(getattr(model, 'test_pipeline', None) or (), shape or LARGE)
    if trained:
        height, width = shape or LARGE
        print(f'note: in a test the pipeline of the model brings images of {height} x {width} to {trained[0]} x '
              f'{trained[1]}; the graph takes them as they are. ' + (
                  f'Give --shape {trained[0]} {trained[1]} for what was trained' if shape else 'Resize them before'))
    if properties.get('left_out'):
        print(f'note: the graph has no {" and no ".join(properties["left_out"])}; its boxes are those of the model '
              'without')
    load = properties.get('loading')
    if load:
        print(f'note: in a test files become images by {load}. tools/infer.py --model {args.out} does so, a program of '
              'your own has to')
    print(f'\ndone; next{next_step(args, model, properties.get("suppressed", True))}')


def next_step(args: argparse.Namespace, model: nn.Module, suppressed: bool) -> str:
    """Return what runs the file: the tool where it takes it, and lines of Python else."""
    if not suppressed or 'guide' in getattr(model, 'sensors', ()):
        images = ', '.join(f'{sensor}=...' for sensor in getattr(model, 'scene', model).sensors)
        return f', in Python:\n  onnxruntime.InferenceSession({str(args.out)!r}).run(None, dict({images}))'
    return f':\n  {command("python", "tools/infer.py", "--model", args.out)} {input_options(model)} --out-dir DIR'


if __name__ == '__main__':
    run_tool(main)
