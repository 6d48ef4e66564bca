"""Test: ``python tools/test.py configs/tim/retinanet_ivif.py CHECKPOINT``."""
from mmfusenas.utils.allocator import restart_with_fast_allocator

if __name__ == '__main__':
    restart_with_fast_allocator()  # has to come before torch is imported

import argparse
import os
from pathlib import Path

import torch.distributed as dist
from mmengine.config import Config

from mmfusenas.apis.loading import input_options, load_weights, refuse_search
from mmfusenas.core.errors import UserError
from mmfusenas.core.files import write_text
from mmfusenas.utils.checkpoint import load_checkpoint
from mmfusenas.utils.command_line import (
    add_run_options,
    command,
    existing_file,
    json_text,
    load_config,
    output_file,
    run_tool,
    set_run_options,
)
from mmfusenas.utils.config_check import check_config
from mmfusenas.utils.launch import build_runner
from mmfusenas.utils.unwrap_model import unwrap_model
from mmfusenas.utils.weights import checkpoint_file


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Measure a checkpoint as the test part of its config says.')
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', nargs='?', help='checkpoint file, or the name of bundled weights (infer.py '
                        '--list); left out of a rule without weights')
    parser.add_argument('--work-dir', help='folder for logs (default: work_dirs/CONFIG)')
    parser.add_argument('--show-dir', help='folder for images with the predictions drawn in')
    parser.add_argument('--out', metavar='FILE.json', help='write the metrics as a flat JSON object')
    add_run_options(parser, 'test')
    return parser.parse_args()


def prepare_config(args: argparse.Namespace) -> Config:
    """Return the checked config, with what the command line asks for."""
    cfg = load_config(args.config, args.cfg_options)
    check_config(cfg, args.cfg_options)
    if 'test_cfg' not in cfg or 'test_dataloader' not in cfg:
        raise UserError(f'{args.config} has nothing to test: it lacks test_dataloader, test_cfg and test_evaluator.')
    set_run_options(cfg, args)
    if args.checkpoint:
        cfg.load_from = str(existing_file(checkpoint_file(args.checkpoint), 'Checkpoint'))
    cfg.resume = False
    if args.out:
        output_file(args.out, args.config, cfg.get('load_from'))
    if args.show_dir:
        set_show_dir(cfg, args.show_dir)
    return cfg


def set_show_dir(cfg: Config, folder: str) -> None:
    """Let the config's visualization hook draw every test image into ``folder``."""
    hook = cfg.get('default_hooks', {}).get('visualization')
    if hook is None:
        raise UserError('--show-dir needs a hook that draws: set default_hooks.visualization in the config.')
    hook.draw = True
    hook.test_out_dir = os.path.abspath(folder)


def main() -> None:
    """Test."""
    args = parse_args()
    cfg = prepare_config(args)
    runner = build_runner(cfg, args.local_rank)
    if args.checkpoint:
        content = load_checkpoint(cfg.load_from)
        refuse_search(content, cfg.load_from)
        load_weights(unwrap_model(runner), content, cfg.load_from)  # strictly
    elif next(unwrap_model(runner).parameters(), None) is not None:
        raise UserError(f'{args.config} has weights: give a checkpoint of them.')
    metrics = runner.test()
    if runner.rank == 0:
        if args.out:
            write_text(args.out, json_text(metrics))
        if args.checkpoint:
            # With --cfg-options, the config as it was tested is the one in the work dir.
            config = Path(cfg.work_dir) / Path(args.config).name if args.cfg_options else args.config
            infer = command('python', 'tools/infer.py', config, cfg.load_from, cfg=None if args.cfg_options else cfg)
            print(f'\ndone; next:\n  {infer} {input_options(unwrap_model(runner))} --out-dir FOLDER')
    if dist.is_initialized():
        dist.destroy_process_group()


if __name__ == '__main__':
    run_tool(main)
