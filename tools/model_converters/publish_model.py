"""Strip a checkpoint for others to use: ``publish_model.py work_dirs/fusion_light_real/epoch_100.pth tim-mine.pth``."""
import argparse
from typing import Any

from mmengine.model import BaseModel

from mmfusenas.apis.deriving import kept_meta
from mmfusenas.apis.loading import build_model, input_options, load_weights, own_config, refuse_search
from mmfusenas.utils.checkpoint import load_checkpoint, save_checkpoint
from mmfusenas.utils.command_line import command, existing_file, load_config, output_file, run_tool


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Leave the weights of a training and what rebuilds its model, without optimizers, schedules and '
                    'histories.',
        epilog='example: python tools/model_converters/publish_model.py work_dirs/fusion_light_real/epoch_100.pth '
               'tim-mine.pth. The file then works by itself: tools/infer.py --model tim-mine.pth, or '
               "init_cfg=dict(type='Pretrained', checkpoint='tim-mine.pth') of a scene module.")
    parser.add_argument('checkpoint', help='checkpoint of a training')
    parser.add_argument('out', metavar='OUT.pth', help='file to write')
    parser.add_argument('--config', help='config of the training, where its parts come from outside (custom_imports)')
    return parser.parse_args()


def published(content: dict[str, Any], path: str) -> tuple[dict[str, Any], BaseModel]:
    """Return what is kept of a checkpoint, and its model with its weights.

    Raises:
        ValueError: If its weights are not those of its model, or its configs name what is not registered.
    """
    model_cfg = own_config(content, path)
    model = build_model(model_cfg, f'checkpoint {path}')
    load_weights(model, content['state_dict'], path)
    # Written in the usual memory format: training on a CPU has channels last.
    weights = {name: value.contiguous() for name, value in content['state_dict'].items()}
    return dict(meta=kept_meta(content, model_cfg, path), state_dict=weights), model


def main() -> None:
    """Publish."""
    args = parse_args()
    output_file(args.out)
    path = existing_file(args.checkpoint, 'Checkpoint')
    if args.config:
        load_config(args.config)  # imports the parts from outside
    content = load_checkpoint(path)
    refuse_search(content, path)
    content, model = published(content, args.checkpoint)
    save_checkpoint(content, args.out)
    parameters = sum(value.numel() for value in content['state_dict'].values())
    print(f'{parameters:,} values of {path}, {path.stat().st_size / 1e6:.1f} MB, in {args.out}')
    source = (args.config, args.out) if args.config else ('--model', args.out)
    infer = command('python', 'tools/infer.py', *source)
    print(f'\ndone; next:\n  {infer} {input_options(model)} --out-dir FOLDER')


if __name__ == '__main__':
    run_tool(main)
