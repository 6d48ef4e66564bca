"""Strip a checkpoint for others to use: ``publish_model.py work_dirs/fusion_light_real/epoch_100.pth tim-mine.pth``."""
import argparse
from typing import Any

from mmengine.model import BaseModel

from mmfusenas.apis.deriving import KEPT
from mmfusenas.apis.loading import build_model, input_options, load_weights, own_config, refuse_search
from mmfusenas.utils.checkpoint import load_checkpoint, save_checkpoint
from mmfusenas.utils.command_line import command, existing_file, output_file, run_tool


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Leave the weights of a training and what rebuilds its model, without optimizers, schedules and '
                    'histories.',
        epilog='example: python tools/model_converters/publish_model.py work_dirs/fusion_light_real/epoch_100.pth '
               'tim-mine.pth. The file then works by itself: tools/infer.py --model tim-mine.pth, or '
               "init_cfg=dict(type='Pretrained', checkpoint='tim-mine.pth') of a scene module.")
    parser.add_argument('checkpoint', help='checkpoint of a training')
    parser.add_argument('out', metavar='OUT.pth', help='file to write')
    return parser.parse_args()


def published(content: dict[str, Any], model: BaseModel, path: str) -> dict[str, Any]:
    """Return what is kept of a checkpoint, after loading its weights into its model.

    Raises:
        ValueError: If its weights are not those of its model.
    """
    load_weights(model, content['state_dict'], path)
    # Written in the usual memory format: training on a CPU has channels last.
    weights = {name: value.contiguous() for name, value in content['state_dict'].items()}
    meta = content['meta']
    return dict(meta={key: meta[key] for key in ('model_cfg', *KEPT) if key in meta}, state_dict=weights)


def main() -> None:
    """Publish."""
    args = parse_args()
    output_file(args.out)
    path = existing_file(args.checkpoint, 'Checkpoint')
    content = load_checkpoint(path)
    refuse_search(content, path)
    model = build_model(own_config(content, path), f'checkpoint {path}')
    content = published(content, model, args.checkpoint)
    save_checkpoint(content, args.out)
    parameters = sum(value.numel() for value in content['state_dict'].values())
    print(f'{parameters:,} values of {path}, {path.stat().st_size / 1e6:.1f} MB, in {args.out}')
    infer = command('python', 'tools/infer.py', '--model', args.out)
    print(f'\ndone; next:\n  {infer} {input_options(model)} --out-dir FOLDER')


if __name__ == '__main__':
    run_tool(main)
