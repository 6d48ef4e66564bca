"""Strip a checkpoint for others to use: ``publish_model.py work_dirs/fusion_light_real/epoch_100.pth tim-mine.pth``."""
import argparse
from collections.abc import Iterable

from mmengine.model import BaseModel
from torch import Tensor

from mmfusenas.apis import input_images, input_pairs
from mmfusenas.apis.deriving import kept_meta
from mmfusenas.apis.half_precision import builtin_inputs, half_weights, weights_effect
from mmfusenas.apis.loading import input_options, load_model, own_config
from mmfusenas.core.errors import UserError
from mmfusenas.utils.checkpoint import load_checkpoint, save_checkpoint
from mmfusenas.utils.command_line import command, existing_file, load_config, output_file, run_tool


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Leave the weights of a training and what rebuilds its model, without optimizers, schedules and '
                    'histories, in a compressed file. All weights are in it, those of a pretrained backbone too.',
        epilog='example: python tools/model_converters/publish_model.py work_dirs/fusion_light_real/epoch_100.pth '
               'tim-mine.pth. The file then works by itself: tools/infer.py --model tim-mine.pth, or '
               "init_cfg=dict(type='Pretrained', checkpoint='tim-mine.pth') of a scene module.")
    parser.add_argument('checkpoint', help='checkpoint of a training')
    parser.add_argument('out', metavar='OUT.pth', help='file to write')
    parser.add_argument('--config', help='config of the training, where its parts come from outside (custom_imports)')
    parser.add_argument('--half', action='store_true',
                        help='store the parameters in 16 bit, in half the size. Refused where an image changes by more '
                             'than 1/255, a detection with a score of 0.3 moves by more than 1 pixel or its score '
                             'changes by more than 0.01, or a mask has another class at more than 1 pixel in 100')
    parser.add_argument('--images', nargs='+', metavar='PATH',
                        help='what --half is tried on, as of tools/infer.py: visible and infrared, or the images of '
                             'one sensor, or target and guide (default: four built-in scenes)')
    return parser.parse_args()


def inputs_of(paths: list[str] | None, model: BaseModel) -> Iterable:
    """Return the inputs on which ``--half`` is tried."""
    if paths is None:
        return builtin_inputs(model)
    if len(paths) > 2:
        raise UserError(f'--images got {len(paths)} paths; give one or two, of folders or .txt lists for many images.')
    return [pair.paths for pair in (input_images(*paths) if len(paths) == 1 else input_pairs(*paths))]


def checked_half(model: BaseModel, inputs: Iterable, path: str) -> dict[str, Tensor]:
    """Return the weights of a model in half precision, and print what that changes.

    Raises:
        UserError: If it changes more than a small file may cost.
    """
    weights = half_weights(model)
    effect = weights_effect(model, weights, inputs)
    if effect.excess:
        raise UserError(f'The weights of {path} give other results in 16 bit: {effect.excess}. Nothing was written. '
                         'Publish them without --half; --images tries it on your own images.')
    print(f'in 16 bit: {effect}')
    return weights


def main() -> None:
    """Publish."""
    args = parse_args()
    if args.images and not args.half:
        raise UserError('--images is what --half is tried on: give both or neither.')
    output_file(args.out, args.checkpoint, args.config)
    path = existing_file(args.checkpoint, 'Checkpoint')
    if args.config:
        load_config(args.config)  # imports the parts from outside
    model = load_model(path)
    weights = checked_half(model, inputs_of(args.images, model), path) if args.half else model.state_dict()
    # Written in the usual memory format: training on a CPU has channels last.
    weights = {name: value.contiguous() for name, value in weights.items()}
    content, size = load_checkpoint(path), path.stat().st_size
    meta = kept_meta(content, own_config(content, path), path)
    save_checkpoint(dict(meta=meta, state_dict=weights), args.out, compress=True)
    values = sum(value.numel() for value in weights.values())
    written = output_file(args.out).stat().st_size
    print(f'{values:,} values of {path}, {size / 1e6:.1f} MB, in {args.out}, {written / 1e6:.1f} MB')
    source = (args.config, args.out) if args.config else ('--model', args.out)
    infer = command('python', 'tools/infer.py', *source)
    print(f'\ndone; next:\n  {infer} {input_options(model)} --out-dir FOLDER')


if __name__ == '__main__':
    run_tool(main)
