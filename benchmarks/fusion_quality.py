"""Fixed rules and trained networks on the same pairs, in one table: MI, FMI, VIF and Q^AB/F, as in TIM's table 1.

Fuses the pairs by simple averaging, by the per-pixel maximum, by a Laplacian pyramid and by each named model, writes
the images into OUT/NAME, and scores them with ``tools/analysis_tools/fusion_metrics.py``.

    python benchmarks/fusion_quality.py --visible test/vi --infrared test/ir --out OUT [--models tim-light ...]
        [--convention cddfuse]
"""
from mmfusenas.utils.allocator import restart_with_fast_allocator

if __name__ == '__main__':
    restart_with_fast_allocator()  # has to come before torch is imported

import argparse
import subprocess
import sys
from pathlib import Path

from mmfusenas.apis import FusionInferencer, input_pairs
from mmfusenas.models.scene import FixedFusion
from mmfusenas.utils.command_line import run_tool

RULES = ('average', 'maximum', 'laplacian')
TOOL = Path(__file__).resolve().parent.parent / 'tools/analysis_tools/fusion_metrics.py'


def parse_args() -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog='further options (--metrics, --json, --plot) go to fusion_metrics.py')
    parser.add_argument('--visible', required=True, metavar='PATH')
    parser.add_argument('--infrared', required=True, metavar='PATH')
    parser.add_argument('--out', required=True, metavar='DIR')
    parser.add_argument('--models', nargs='*', default=['tim-light'], metavar='NAME', help='names or checkpoints')
    parser.add_argument('--convention', default='mmfusenas', metavar='NAME',
                        help='whose definitions of the metrics: mmfusenas or cddfuse (default: %(default)s)')
    return parser.parse_known_args()


def main() -> int:
    """Fuse, then score."""
    args, rest = parse_args()
    pairs, folders = input_pairs(args.visible, args.infrared), []
    models = {name: FusionInferencer(FixedFusion(rule=name) if name in RULES else name)
              for name in (*RULES, *args.models)}
    for name, model in models.items():
        folder = Path(args.out) / Path(name).stem
        model.run(pairs, folder)
        folders.append(f'{Path(name).stem}={folder / "images"}')
    command = [sys.executable, str(TOOL), '--visible', args.visible, '--infrared', args.infrared, '--fused', *folders,
               '--convention', args.convention]
    return subprocess.run([*command, *rest], check=False).returncode


if __name__ == '__main__':
    run_tool(lambda: sys.exit(main()))
