"""What gradient checkpointing of the fusion network (`with_cp`) saves: peak memory and time of a training step.

Forward and backward of a task-guided model on a batch of the config's training data, with the scene frozen, jointly,
and jointly with `with_cp`; the last two in bfloat16 as well. Memory is what two steps need at their peak beyond the
model, in a process of their own; of the second one the processor's time is given, which other programs leave alone.

    OMP_NUM_THREADS=1 python benchmarks/checkpointing.py [CONFIG] [--shape 480 640] [--batch 1] [--device cuda]
"""
import argparse
import multiprocessing
from time import process_time

import torch
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from terminaltables import AsciiTable

import mmfusenas.datasets
import mmfusenas.models  # noqa: F401  registers what the configs name
from mmfusenas.registry import MODELS
from mmfusenas.utils import memory
from mmfusenas.utils.allocator import return_freed_memory
from mmfusenas.utils.command_line import load_config, run_tool

CASES = {'scene frozen': ('task', False, False), 'joint': ('joint', False, False),
         'joint, with_cp': ('joint', True, False), 'joint, bfloat16': ('joint', False, True),
         'joint, with_cp, bfloat16': ('joint', True, True)}


def main() -> None:
    args = parse_args()
    context = multiprocessing.get_context('forkserver')
    context.set_forkserver_preload(['mmdet.models', 'mmfusenas.models', 'mmfusenas.datasets'])  # imported once
    with context.Pool(1, maxtasksperchild=1) as pool:
        rows = [[name, *pool.apply(measure, (args, *case))] for name, case in CASES.items()]
    title = f'{args.batch} of {args.shape[1]} x {args.shape[0]}'
    print(AsciiTable([['', 'peak memory (GB)', 'processor (s)'], *rows], title).table)


def measure(args: argparse.Namespace, stage: str, with_cp: bool, half: bool) -> tuple[str, str]:
    """Return the peak memory in GB and the processor's seconds of a step."""
    init_default_scope('mmfusenas')
    device = torch.device(args.device)
    cfg = load_config(args.config)
    loader = dict(cfg.train_dataloader, batch_size=args.batch, num_workers=0, persistent_workers=False)
    loader['dataset'].update(size=tuple(args.shape), length=args.batch)
    batch = next(iter(Runner.build_dataloader(loader)))
    model = MODELS.build(cfg.model).to(device).train()
    model.stage, model.scene.with_cp = stage, with_cp
    if with_cp and device.type == 'cpu':
        return_freed_memory()  # as tools/train.py does
    memory.reset_peak(device)
    before = memory.used(device)
    for _ in range(2):
        start = process_time()
        model.zero_grad()
        with torch.autocast(device.type, torch.bfloat16, enabled=half):
            loss = model.parse_losses(model(**model.data_preprocessor(batch, True), mode='loss'))[0]
        loss.backward()
        loss.item()  # a GPU is done by then
    return f'{(memory.peak(device) - before) / 1e9:.2f}', f'{process_time() - start:.2f}'


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', nargs='?', default='configs/tim/retinanet_ivif.py',
                        help='config of a task-guided training on built-in scenes (default: %(default)s)')
    parser.add_argument('--shape', type=int, nargs=2, default=(480, 640), metavar=('H', 'W'), help='default: 480 640')
    parser.add_argument('--batch', type=int, default=1, help='pairs in the batch (default: %(default)s)')
    parser.add_argument('--device', default='cpu', help='default: cpu')
    return parser.parse_args()


if __name__ == '__main__':
    run_tool(main)
