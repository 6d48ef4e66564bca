"""What `--amp` saves: a training step in mixed precision over one in float32, of the models of some configs.

Forward, backward and optimizer, on one batch of the config's training data, in turns; the median of the ratios counts.
bfloat16 on a CPU, float16 on a GPU, as `tools/train.py --amp` has it. A CPU gains where it has instructions for
bfloat16 (AMX) and the convolutions are wide.

    GUIDANCE=none OMP_NUM_THREADS=1 python benchmarks/mixed_precision.py [CONFIG ...] [--device cuda] [--repeats 5]
"""
from mmfusenas.utils.allocator import restart_with_fast_allocator

if __name__ == '__main__':
    restart_with_fast_allocator()  # has to come before torch is imported

import argparse
import copy
from functools import partial
from statistics import median

import torch
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmengine.utils import track_iter_progress
from terminaltables import AsciiTable
from timing import interleaved

import mmfusenas.datasets
import mmfusenas.engine
import mmfusenas.models  # noqa: F401  registers what the configs name
from mmfusenas.nas import SearchSpace
from mmfusenas.registry import MODELS
from mmfusenas.utils.command_line import load_config, run_tool

CONFIGS = ['configs/tim/fusion_light.py', 'configs/ruas/enhance.py', 'configs/dcnas/scenes_depth.py',
           'configs/hadamard/lowlight.py', 'configs/hyperguidance/deblur.py']
WRAPPERS = dict(cpu='mmfusenas.CPUAmpOptimWrapper', cuda='AmpOptimWrapper')


def main() -> None:
    args = parse_args()
    init_default_scope('mmfusenas')
    rows = [measure(config, args) for config in track_iter_progress(args.configs)]
    device = torch.cuda.get_device_name() if args.device == 'cuda' else f'CPU, {torch.get_num_threads()} threads'
    print('\n' + AsciiTable([['', 'batch', 'float32 (s)', 'mixed (s)', 'ratio'], *rows], device).table)


def measure(config: str, args: argparse.Namespace) -> list[str]:
    """Return a row of the table."""
    cfg = load_config(config)
    batch = next(iter(Runner.build_dataloader(dict(cfg.train_dataloader, num_workers=0, persistent_workers=False))))
    model = MODELS.build(cfg.model).to(args.device).to(memory_format=torch.channels_last).train()
    SearchSpace(model).relax()  # of a search all candidates run
    steps = {}
    for name, kind in (('plain', 'OptimWrapper'), ('mixed', WRAPPERS[args.device])):
        twin = copy.deepcopy(model)
        wrapper = build_optim_wrapper(twin, dict(cfg.optim_wrapper, type=kind))
        steps[name] = partial(lambda twin, wrapper: twin.train_step(copy.deepcopy(batch), wrapper), twin, wrapper)
    times = interleaved(steps, args.repeats)
    ratio = median(mixed / plain for plain, mixed in zip(*times.values()))
    return [config, f'{cfg.train_dataloader.batch_size}', *(f'{median(column):.3f}' for column in times.values()),
            f'{ratio:.2f}']


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('configs', nargs='*', default=CONFIGS, metavar='CONFIG',
                        help='configs of trainings (default: one of each system, on built-in scenes)')
    parser.add_argument('--device', default='cpu', choices=list(WRAPPERS), help='default: cpu')
    parser.add_argument('--repeats', type=int, default=5, help='timed steps of each (default: %(default)s)')
    return parser.parse_args()


if __name__ == '__main__':
    run_tool(main)
