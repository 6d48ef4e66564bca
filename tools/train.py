"""Train: ``python tools/train.py configs/tim/retinanet_ivif.py``."""
from mmfusenas.utils.allocator import restart_with_fast_allocator

if __name__ == '__main__':
    restart_with_fast_allocator()  # has to come before torch is imported

import argparse
import os
import sys
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from mmengine.config import Config
from mmengine.dist import get_rank

from mmfusenas.core.errors import UserError
from mmfusenas.utils.checkpoint import latest_checkpoint
from mmfusenas.utils.command_line import (
    add_run_options,
    command,
    existing_file,
    load_config,
    run_tool,
    set_run_options,
    typed_settings,
)
from mmfusenas.utils.config_check import check_config
from mmfusenas.utils.config_hooks import place_of_hook
from mmfusenas.utils.config_parts import type_name
from mmfusenas.utils.launch import build_runner, lock_work_dir
from mmfusenas.utils.lost_processes import end_with_launcher, ignore_ended_workers, lost_process
from mmfusenas.utils.processor import computes_in_bfloat16


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Train a model, or search an architecture, as a config says.')
    parser.add_argument('config', help='config file')
    parser.add_argument('--work-dir', help='folder for logs and checkpoints (default: work_dirs/CONFIG)')
    parser.add_argument(
        '--resume', nargs='?', const='auto', metavar='CHECKPOINT',
        help='go on from CHECKPOINT, or from the latest one in the work dir')
    parser.add_argument('--amp', action='store_true', help='mixed precision: bfloat16, float16 on a GPU without')
    add_run_options(parser, 'train')
    return parser.parse_args()


def prepare_config(args: argparse.Namespace) -> Config:
    """Return the checked config, with what the command line asks for."""
    cfg = load_config(args.config, args.cfg_options)
    check_config(cfg, args.cfg_options)
    if 'train_cfg' not in cfg or 'train_dataloader' not in cfg:
        raise UserError(f'{args.config} has nothing to train; it can only be tested: python tools/test.py')
    set_run_options(cfg, args)
    if args.amp:
        set_mixed_precision(cfg)
    if args.resume:
        set_resume(cfg, args.resume)
    return cfg


def set_mixed_precision(cfg: Config) -> None:
    """Use the optimizer wrapper that casts on this machine's device."""
    kind = type_name(cfg.optim_wrapper) or 'OptimWrapper'
    if kind not in ('OptimWrapper', 'AmpOptimWrapper', 'CPUAmpOptimWrapper'):
        raise UserError(f'--amp replaces a plain OptimWrapper; the config asks for {kind}.')
    if not torch.cuda.is_available():
        if computes_in_bfloat16() is False:
            print('--amp: this processor has no instructions for bfloat16, so that an iteration takes longer than in '
                  'float32, though less memory', file=sys.stderr)
        cfg.optim_wrapper.type = 'mmfusenas.CPUAmpOptimWrapper'
        for key in ('loss_scale', 'dtype'):  # of a config that was written on a machine with a GPU
            cfg.optim_wrapper.pop(key, None)
    else:
        cfg.optim_wrapper.type = 'AmpOptimWrapper'
        cfg.optim_wrapper.setdefault('loss_scale', 'dynamic')
        # No loss scale reaches the gradients of the choices, which would vanish in float16.
        searches = place_of_hook(cfg, 'BilevelSearchHook')
        if searches or torch.cuda.is_bf16_supported(including_emulation=False):
            cfg.optim_wrapper.setdefault('dtype', 'bfloat16')


def set_resume(cfg: Config, checkpoint: str) -> None:
    """Go on from a checkpoint; ``'auto'`` is the latest in the work dir, where there is one."""
    if checkpoint == 'auto' and latest_checkpoint(cfg.work_dir) is None:
        print(f'{cfg.work_dir} holds no checkpoint yet: training starts from the beginning', file=sys.stderr)
        return
    cfg.resume = True
    cfg.load_from = None if checkpoint == 'auto' else str(existing_file(checkpoint, 'Checkpoint'))


def how_to_continue(args: argparse.Namespace, cfg: Config) -> str:
    """Return what to say when the training was interrupted."""
    if latest_checkpoint(cfg.work_dir) is None:
        return f'\nstopped before the first checkpoint was written to {cfg.work_dir}'
    arguments = [part for part in sys.argv[1:] if part != '--resume' and part != args.resume]
    start = ['python', 'tools/train.py']
    if args.launcher != 'none':
        processes = os.environ.get('WORLD_SIZE')
        if args.launcher != 'pytorch' or processes != os.environ.get('LOCAL_WORLD_SIZE'):
            return '\nstopped; start the same again, with --resume'
        start = ['bash', 'tools/dist_train.sh', args.config, processes]
        arguments = [part for part in arguments if part not in (args.config, '--launcher', 'pytorch')]
    return f'\nstopped; go on with:\n  {command(*start, *arguments, "--resume", cfg=cfg)}'


def kept_options(options: dict[str, Any], retrain: Path) -> list[str]:
    """Return those options of a search's schedule and data that the config for what was found has as well."""
    found = Config.fromfile(retrain) if options and retrain.is_file() else {}
    kept = []
    for key, value in options.items():
        node = found
        for part in key.split('.'):
            node = node.get(part) if isinstance(node, (dict, Config)) else None
        if key.startswith(('train_', 'val_', 'optim_wrapper', 'param_scheduler')) and node == value:
            kept.append(f'{key}={value}')
    return kept


def next_command(args: argparse.Namespace, cfg: Config) -> str:
    """Return the command that is useful after a training: of the found architecture, of a new task, or a test."""
    work_dir = Path(cfg.work_dir)
    if (work_dir / 'search.json').is_file():
        kept = kept_options(args.cfg_options or {}, work_dir / 'retrain.py')
        note = f'   # which trains with {", ".join(kept)} too, as this search' if kept else ''
        return command('python', 'tools/train.py', work_dir / 'retrain.py') + note
    best = sorted(work_dir.glob('best_*.pth'), key=lambda file: file.stat().st_mtime)
    latest = latest_checkpoint(work_dir)
    if not best and latest is None:
        again = command('python', 'tools/train.py', args.config, cfg=cfg)
        return f'{again}   # no checkpoint was saved: see default_hooks'
    checkpoint = best[-1] if best else latest
    if type_name(cfg.train_cfg) == 'MetaInitLoop':
        return command('python', 'tools/train.py', 'CONFIG', '--cfg-options', 'model.init_cfg.type=Pretrained',
                       f'model.init_cfg.checkpoint={checkpoint}') + '   # of the new task'
    if sampling := place_of_hook(cfg, 'PathSamplingHook'):
        search = Path(args.config).with_name(Path(args.config).name.replace('supernet', 'search'))
        found = search.is_file() and search != Path(args.config)
        shared = [setting.replace(sampling, 'train_cfg', 1) for name in ('table', 'cost', 'fixed')
                  for setting in typed_settings(f'{sampling}.{name}')]
        return command('python', 'tools/train.py', search if found else 'SEARCH_CONFIG', '--cfg-options',
                       f'load_from={checkpoint}', *shared, *typed_settings('model.'), cfg=cfg)
    # With --cfg-options, the config as it was trained is the one in the work dir.
    if args.cfg_options:
        return command('python', 'tools/test.py', work_dir / Path(args.config).name, checkpoint)
    return command('python', 'tools/test.py', args.config, checkpoint, cfg=cfg)


def main() -> None:
    """Train."""
    args = parse_args()
    cfg = prepare_config(args)
    lock_work_dir(cfg)
    if args.launcher != 'none':
        end_with_launcher(partial(how_to_continue, args, cfg))
    try:
        runner = build_runner(cfg, args.local_rank)
        runner.train()
    except KeyboardInterrupt:
        if get_rank() == 0:
            print(how_to_continue(args, cfg), file=sys.stderr)
        raise
    except (RuntimeError, OSError, EOFError) as error:
        ignore_ended_workers()
        if (lost := lost_process(error)) is None:
            raise
        raise UserError(f'{lost}{how_to_continue(args, cfg)}') from error
    if runner.rank == 0:
        print(f'\ndone; next:\n  {next_command(args, cfg)}')
    if dist.is_initialized():
        dist.destroy_process_group()


if __name__ == '__main__':
    run_tool(main)
