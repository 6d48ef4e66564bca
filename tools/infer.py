"""Fuse, enhance, super-resolve: ``tools/infer.py --model tim-light --visible vi --infrared ir --out-dir fused``."""
from mmfusenas.core.errors import UserError
from mmfusenas.utils.allocator import restart_with_fast_allocator

if __name__ == '__main__':
    restart_with_fast_allocator()  # has to come before torch is imported

import argparse
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from mmfusenas.apis import (
    EnhanceInferencer,
    ExportedModel,
    FusionInferencer,
    GuidedSRInferencer,
    input_images,
    input_pairs,
    run_video,
    weights_records,
    weights_table,
)
from mmfusenas.apis.base_inferencer import BaseInferencer
from mmfusenas.apis.exported_model import RUNTIMES
from mmfusenas.apis.next_commands import inference_commands
from mmfusenas.apis.stream import is_stream
from mmfusenas.apis.video import is_video
from mmfusenas.datasets.pairing import is_list
from mmfusenas.utils.camera_options import add_camera_options, thermal_options
from mmfusenas.utils.command_line import (
    RenamedOption,
    add_model_options,
    chosen_model,
    command,
    output_folder,
    run_tool,
)
from mmfusenas.utils.weights import known_record, weights_details


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Fuse pairs of visible and infrared images, or enhance images of one sensor, and detect or '
                    'segment in them where the model does; or bring a target (depth, say) to the resolution of its '
                    'guide. Writes OUT_DIR/images, OUT_DIR/drawn, OUT_DIR/masks, OUT_DIR/restored (arrays in the '
                    'unit of the target), OUT_DIR/guidance (the map of noise, rain or haze) and '
                    'OUT_DIR/predictions.json; of videos OUT_DIR/image.mp4 and OUT_DIR/drawn.mp4. Of medical pairs the '
                    'coloured image (PET, SPECT) is given as visible, the MRI as infrared.',
        epilog='examples: python tools/infer.py --model tim-light --visible vi --infrared ir --out-dir fused; '
               'python tools/infer.py --model ruas-lowlight --input dark --out-dir bright; '
               'python tools/infer.py configs/tim/retinanet_ivif.py epoch_12.pth --visible a.png --infrared b.png '
               '--out-dir found. Folders are paired by equal file names, or by the longest common beginning '
               '(001_vi.png, 001_ir.png).')
    add_model_options(parser)
    parser.add_argument('--input', metavar='PATH', help='image, folder or list, for a model of one sensor')
    parser.add_argument('--kernel', metavar='PATH',
                        help='blur kernel of the images of --input (.npy or image), or folder with one of each '
                             'name, for a model that deblurs')
    parser.add_argument('--denoise', choices=['adaptive', 'always', 'never'],
                        help="where RUAS removes noise from --input: RUAS_A, RUAS, RUAS_s (default: the model's own)")
    parser.add_argument('--strength', type=float, metavar='S',
                        help='how far RUAS brightens --input, from 0 (not at all) to 1 (default: 1)')
    parser.add_argument('--visible', metavar='PATH',
                        help='visible image, folder, .txt list of one path a line, video, or live stream: the number '
                             'of a camera, its device (/dev/video0), or an address (rtsp://...)')
    parser.add_argument('--infrared', metavar='PATH', help='the same of the infrared sensor')
    parser.add_argument('--seconds', type=float, metavar='S',
                        help='how long to look at live streams (default: until one ends, or Ctrl-C)')
    add_camera_options(parser)
    add_pair_options(parser)
    parser.add_argument('--batch-size', type=int, default=1, metavar='N',
                        help='images that are read together and, where they are of one size, computed at once, '
                             'for a GPU (default: 1)')
    parser.add_argument('--tile', type=int, metavar='N',
                        help='fuse and segment in parts of N x N pixels, where images do not fit into memory (default: '
                             'at once)')
    parser.add_argument('--amp', action='store_true', default=None,
                        help='fuse and find features in mixed precision (bfloat16), faster where the processor has it')
    parser.add_argument('--smooth', type=float, default=0.0, metavar='S',
                        help='share of the brightness of the last frame that a frame of a video keeps, against '
                             'flicker, from 0 to below 1 (default: 0)')
    parser.add_argument('--target', metavar='PATH', help='target of low resolution, folder, or list; also .npy files')
    parser.add_argument('--guide', '--guidance', action=RenamedOption, metavar='PATH',
                        help='guide of high resolution, folder, or list')
    parser.add_argument('--out-dir', default='outputs', metavar='DIR', help='folder for the results (default: outputs)')
    parser.add_argument('--runtime', choices=RUNTIMES,
                        help='what runs a --model FILE.onnx of tools/deployment/export_onnx.py (default: onnxruntime)')
    parser.add_argument('--device', help='cpu or cuda (default: the GPU where torch sees one)')
    parser.add_argument('--score-thr', type=float, default=0.3, metavar='S', help='lowest score of a detection (0.3)')
    parser.add_argument('--list', nargs='?', const='', metavar='NAME',
                        help='show the bundled weights with size, main figure and training data; with NAME all that '
                             'is known of one')
    return parser.parse_args()


def add_pair_options(parser: argparse.ArgumentParser) -> None:
    """Add what is done where an image of a pair is missing, or lies beside the other."""
    parser.add_argument('--missing', choices=['error', 'fallback'],
                        help='what to do where an image of a pair is missing or unreadable: end (error, the default), '
                             'or take the other one in its place, also of one that is dark, saturated, noisy, of one '
                             'value, or in a video frozen (fallback)')
    parser.add_argument('--alone', nargs='+', metavar='SENSOR=MODEL',
                        help='with --missing fallback: a model for one sensor by itself, visible=FILE.pth, which takes '
                             'the place of --model where the other sensor fails; none: --model gets the image that is '
                             'left in both places (default: what --list NAME names for bundled weights, or none)')
    parser.add_argument('--align', choices=['visible', 'infrared'],
                        help='shift the other image of a pair onto that of this sensor where their edges lie apart: '
                             'for cameras that were moved; results are in the frame of this sensor (default: pairs are '
                             'taken as they are)')


KINDS = {('input', ): EnhanceInferencer, ('visible', 'infrared'): FusionInferencer,
         ('target', 'guide'): GuidedSRInferencer}
"""Options that name the inputs of each kind of model."""
OPTIONS = {('input', ): ('kernel', 'denoise', 'strength'),
           ('visible', 'infrared'): ('resize', 'homography', 'thermal', 'missing', 'alone', 'align', 'tile', 'amp')}
"""Options of one kind alone."""


def kind_of(args: argparse.Namespace) -> tuple[str, ...]:
    """Return the options that name the inputs; raise a UserError where one is lacking, or two kinds are named."""
    named = [kind for kind in KINDS if any(getattr(args, name) for name in kind)]
    if len(named) > 1:
        raise UserError('--input is for a model of one sensor, --visible and --infrared are for pairs, --target and '
                         '--guide for super-resolution: give one kind.')
    kind = named[0] if named else ('visible', 'infrared')
    missing = [f'--{name.replace("_", "-")}' for name in kind if not getattr(args, name)]
    if missing:
        other = ' A model of one sensor takes --input.' if named == [('visible', 'infrared')] else ''
        raise UserError(f'{" and ".join(missing)} missing: python tools/infer.py --help shows an example.{other}')
    return kind


def checked_options(args: argparse.Namespace, kind: tuple[str, ...]) -> dict:
    """Return the arguments of the inferencer; raise a UserError where one is for another kind of input."""
    args.thermal, args.alone = thermal_options(args), models_alone(args)
    values = {name: getattr(args, name) for names in OPTIONS.values() for name in names}
    for name, other in ((name, other) for other, names in OPTIONS.items() for name in names):
        if values[name] is not None and other != kind:
            typed = 'thermal-percentiles' if args.thermal_percentiles else 'thermal-range'
            option = typed if name == 'thermal' else name
            raise UserError(f'--{option} is for the images of {" and ".join(f"--{key}" for key in other)}.')
    return {name: value for name, value in values.items() if value is not None}


def models_alone(args: argparse.Namespace) -> dict[str, str] | None:
    """Return the model of each sensor of ``--alone``; raise a UserError where it is none."""
    if args.alone is None:
        return None
    if args.alone == ['none'] and args.missing == 'fallback':
        return {}
    named = dict(text.partition('=')[::2] for text in args.alone)
    if (not set(named) <= {'visible', 'infrared'} or not all(named.values()) or len(named) < len(args.alone)
            or args.missing != 'fallback'):
        raise UserError(f'--alone {" ".join(args.alone)}: it goes with --missing fallback, and is visible=MODEL, '
                        'infrared=MODEL, both, or none; a model is a checkpoint or the name of bundled weights.')
    return named


def are_videos(args: argparse.Namespace, sources: list[str]) -> bool:
    """Return whether the inputs are videos; raise a UserError where one alone is, or an option does not fit."""
    videos = [is_video(source) for source in sources]
    if any(videos) and (not all(videos) or args.target):
        raise UserError(f'{" and ".join(sources)}: give two videos or none, of --visible and --infrared, or one of '
                        '--input.')
    if len(set(map(is_stream, sources))) > 1:
        raise UserError(f'{" and ".join(sources)}: a file and a live stream do not go together.')
    if args.smooth and not all(videos):
        raise UserError('--smooth is for videos.')
    if args.batch_size != 1 and any(videos):
        raise UserError('--batch-size is for images: the frames of a video come one by one.')
    if args.seconds is not None and not all(map(is_stream, sources)):
        raise UserError('--seconds is for live streams.')
    return all(videos)


def next_lines(args: argparse.Namespace, inferencer: BaseInferencer, sources: Sequence[str], videos: bool) -> str:
    """Return the commands that are useful now, each with what it is for."""
    trained = [args.config, args.checkpoint] if args.config else ['--model', args.model]
    changed = any((args.resize, args.homography, args.align, args.thermal, args.missing))
    scored = args.visible and not (videos or changed or inferencer.has_task or any(map(is_list, sources)))
    found = inference_commands(trained, inferencer.model, Path(args.out_dir), sources if scored else ())
    return ''.join(f'\n  {line}    # {what}' for what, line in found)


def show_weights(name: str) -> None:
    """Print what there is of bundled weights, of one name or of all, and a command for each kind of inputs."""
    print(weights_details(name) if name else weights_table())
    records = [known_record(name)] if name else weights_records().values()
    first: dict[tuple[str, ...], str] = {}  # of each kind
    for record in records:
        first.setdefault(tuple(record.inputs), record.name)
    print('\nnext:')
    for inputs, model in first.items():
        words = [word for option in inputs for word in (f'--{option}', 'PATH')]
        print('  ' + command('python', 'tools/infer.py', '--model', model, *words, '--out-dir', 'DIR'))
    if not name:
        print('  ' + command('python', 'tools/infer.py', '--list', 'NAME') + '    # all figures, licence')


def main() -> None:
    """Infer."""
    args = parse_args()
    if args.list is not None:
        show_weights(args.list)
        return
    output_folder(args.out_dir)
    model, checkpoint = chosen_model(args)
    kind = kind_of(args)
    sources = [getattr(args, name) for name in kind]
    options, videos = checked_options(args, kind), are_videos(args, sources)
    if not videos:  # before the model is built: what is wrong with the files is said at once
        pairs = input_images(*sources) if len(sources) == 1 else input_pairs(*sources, args.missing or 'error')
    if args.runtime:
        if Path(model).suffix.lower() != '.onnx' or checkpoint or args.device not in (None, 'cpu'):
            raise UserError('--runtime is for --model FILE.onnx, on the CPU.')
        model = ExportedModel(model, args.runtime)
    inferencer = KINDS[kind](model, checkpoint, args.device, args.score_thr, **options)
    if videos:
        folder = run_video(inferencer, sources, args.out_dir, args.smooth, args.seconds).parent
        print(f'{folder / "image.mp4"}, and its flicker in {folder / "predictions.json"}')
    else:
        folder = inferencer.run(pairs, args.out_dir, args.batch_size).parent
        print(f'{len(pairs)} image{"s" * (len(pairs) > 1)} in {folder / "images"}')
    entries = json.loads((folder / 'predictions.json').read_text())['frames' if videos else 'images']
    for sensor, number in Counter(entry['replaced'] for entry in entries if 'replaced' in entry).items():
        print(f'in {number} of them the {sensor} image was of no use or missing, and the other took its place')
    if args.align:
        print(f'in {sum("shift" in entry for entry in entries)} of them one image was shifted onto the other')
    if inferencer.has_task:
        drawn = folder / ('drawn.mp4' if videos else 'drawn')
        print(f'what was found is drawn in {drawn}; '
              f'{"its maps are in" if inferencer.segments else "its numbers are in"} '
              f'{folder / ("masks" if inferencer.segments else "predictions.json")}')
    following = next_lines(args, inferencer, sources, videos)
    print(f'\ndone; next:{following}' if following else '\ndone')


if __name__ == '__main__':
    run_tool(main)
