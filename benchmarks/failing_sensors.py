"""What a detector or segmentor of two sensors loses where one of them fails.

One network is tested on the images of its config again and again, with one sensor spoiled in another way each time
(``SensorFailure``): black, too dark, saturated, noisy, shifted, or replaced by the other one, which is what a user
with one sensor can do. In two rows it shows an earlier image of its recording (``FrozenSensor``): always the one
before, or at every second moment, which is half the rate; drawn scenes are no recording and have no such rows. Beside
it belong the figures of networks of a single sensor, by ``benchmarks/task_rows.py --rows visible infrared``: a fused
network should not fall below the sensor that is left.

    FOLD=0/3 python benchmarks/failing_sensors.py configs/tim/retinanet_ivif-msrs.py tim-retinanet-msrs
    FOLD=0/3 python benchmarks/failing_sensors.py configs/tim/retinanet_ivif-msrs.py tim-retinanet-msrs --replace \\
        --align
    python benchmarks/failing_sensors.py configs/tim/efficientnet_ivif-msrs.py tim-segment-msrs \\
        --failures frozen 'half the rate'
"""
import argparse
import sys
from itertools import product
from pathlib import Path

from mmengine.config import Config
from mmengine.utils import track_iter_progress
from runs import test_rule
from terminaltables import AsciiTable

from mmfusenas.core.files import write_text
from mmfusenas.datasets.leaves import is_drawn, scan
from mmfusenas.utils.command_line import run_tool

FAILURES = {
    'black': dict(failure='black'), 'a tenth of the light': dict(failure='gain', amount=0.1),
    'saturated, gain 4': dict(failure='gain', amount=4.0), 'noise of 0.1': dict(failure='noise', amount=0.1),
    'shifted by 15 pixels': dict(failure='shift', amount=15.0),
    'shifted by 30 pixels': dict(failure='shift', amount=30.0), 'replaced by the other': dict(failure='other'),
}
FROZEN = {'frozen': dict(frames=1), 'half the rate': dict(every=2)}
SCORES = {'mAP@0.5': 'coco/bbox_mAP_50', 'mAP': 'coco/bbox_mAP', 'mIoU': 'mIoU'}


def main() -> None:
    args = parse_args()
    infos = scan(Config.fromfile(args.config).test_dataloader.dataset, limit=1)[0]
    failures = args.failures or [*FAILURES, *(() if is_drawn(infos) else FROZEN)]
    cases = [('none', None), *product(('infrared', 'visible'), failures)]
    found = [tested(args, *case) for case in track_iter_progress(cases)]
    names = [name for name, key in SCORES.items() if any(key in metrics for metrics in found)]
    rows = [[sensor, failure or '', *(f'{metrics[SCORES[name]]:.3f}' for name in names)]
            for (sensor, failure), metrics in zip(cases, found, strict=True)]
    print('\n' + AsciiTable([['sensor that fails', '', *names], *rows], f'{args.checkpoint} on {args.config}').table)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='config with the data to test on')
    parser.add_argument('checkpoint', help='checkpoint file, or the name of bundled weights')
    parser.add_argument('--failures', nargs='+', choices=[*FAILURES, *FROZEN], metavar='ROW',
                        help='rows of the table beside the one without a failure, by their names there '
                             '(default: all that the images can have)')
    parser.add_argument('--replace', action='store_true',
                        help="the other image takes the place of one that is of no use (ReplaceFailedSensor), as with "
                             "missing='fallback'")
    parser.add_argument('--align', action='store_true',
                        help='the image of the sensor that fails, which has to be known, is shifted onto the other '
                             'where they lie apart (AlignPair)')
    parser.add_argument('--work-dir', type=Path, default=Path('work_dirs/failing_sensors'),
                        help='where the figures go, a folder a test (default: %(default)s)')
    parser.add_argument('--options', nargs='+', default=[], metavar='KEY=VALUE',
                        help='values to override in the config')
    return parser.parse_args()


def tested(args: argparse.Namespace, sensor: str, failure: str | None) -> dict[str, float]:
    """Return the metrics of a test with a failing sensor; one that is done is not done again."""
    case = '-'.join([sensor, *(failure or '').replace(',', '').split(), *['mended'] * args.replace,
                     *['aligned'] * args.align])
    folder = args.work_dir / Path(args.config).stem / Path(args.checkpoint).stem / case
    cfg = Config.fromfile(args.config)
    pipeline = cfg.test_dataloader.dataset.pipeline
    if failure in FROZEN:
        pipeline.insert(0, dict(type='FrozenSensor', sensor=sensor, **FROZEN[failure]))
    elif failure:
        pipeline.insert(len(pipeline) - 1, dict(type='SensorFailure', sensor=sensor, seed=0, **FAILURES[failure]))
    if args.replace:
        pipeline.insert(len(pipeline) - 1, dict(type='ReplaceFailedSensor'))
    if args.align:
        reference = 'infrared' if sensor == 'visible' else 'visible'
        pipeline.insert(len(pipeline) - 1, dict(type='AlignPair', reference=reference))
    config, request = folder / Path(args.config).name, f'# {args.checkpoint}\n{cfg.pretty_text}'
    if config.is_file() and config.read_text() != request:
        sys.exit(f'error: {folder} is of another config, fold or checkpoint. Give another --work-dir.')
    write_text(config, request)
    return test_rule(str(config), folder, [], args.options, args.checkpoint)


if __name__ == '__main__':
    run_tool(main)
