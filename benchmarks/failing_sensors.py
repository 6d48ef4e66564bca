"""What a detector or segmentor of two sensors loses where one of them fails.

A :class:`~mmfusenas.apis.fusion_inferencer.FusionInferencer` runs on the test images of a config again and again, with
one sensor spoiled in another way each time (``SensorFailure``): black, too dark, saturated, noisy, shifted, or replaced
by the other one, which is what a user with one sensor can do. In two rows it shows an earlier image of its recording
(``FrozenSensor``): always the one before, or at every second moment, which is half the rate; drawn scenes are no
recording and have no such rows. Beside it belong the figures of networks of a single sensor, by
``benchmarks/task_rows.py --rows visible infrared``: a fused network should not fall below the sensor that is left.

    FOLD=0/3 python benchmarks/failing_sensors.py configs/tim/retinanet_ivif-msrs.py tim-retinanet-msrs
    FOLD=0/3 python benchmarks/failing_sensors.py configs/tim/retinanet_ivif-msrs.py tim-retinanet-msrs --replace \\
        --align --alone visible=DETECTOR_OF_VISIBLE.pth
    python benchmarks/failing_sensors.py configs/tim/efficientnet_ivif-msrs.py tim-segment-msrs \\
        --failures frozen 'half the rate'
"""
import argparse
import json
import sys
from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.device import get_device
from mmengine.registry import init_default_scope
from mmengine.utils import track_iter_progress
from terminaltables import AsciiTable
from torch import nn

from mmfusenas.apis import FusionInferencer, load_model
from mmfusenas.core.files import write_text
from mmfusenas.datasets.leaves import is_drawn, scan
from mmfusenas.datasets.transforms.sensor_failure import SENSORS
from mmfusenas.evaluation.task_scores import class_areas, detection_sample, mean_average_precision, mean_iou
from mmfusenas.registry import DATASETS
from mmfusenas.utils.command_line import run_tool
from mmfusenas.utils.config_parts import type_name

FAILURES = {
    'black': dict(failure='black'), 'a tenth of the light': dict(failure='gain', amount=0.1),
    'saturated, gain 4': dict(failure='gain', amount=4.0), 'noise of 0.1': dict(failure='noise', amount=0.1),
    'shifted by 15 pixels': dict(failure='shift', amount=15.0),
    'shifted by 30 pixels': dict(failure='shift', amount=30.0), 'replaced by the other': dict(failure='other'),
}
FROZEN = {'frozen': dict(frames=1), 'half the rate': dict(every=2)}


def main() -> None:
    args = parse_args()
    cfg = Config.fromfile(args.config)
    init_default_scope('mmfusenas')
    drawn = is_drawn(scan(cfg.test_dataloader.dataset, limit=1)[0])
    failures = args.failures or [*FAILURES, *(() if drawn else FROZEN)]
    model = load_model(cfg, args.checkpoint, get_device())
    alone = {sensor: load_model(file, device=get_device()) for sensor, file in args.alone.items()}
    cases = [('none', None), *product(('infrared', 'visible'), failures)]
    scores = [kept(args, cfg, model, alone, *case) for case in track_iter_progress(cases)]
    name = 'mIoU' if hasattr(model.task, 'decode_head') else 'mAP@0.5'
    rows = [[sensor, failure or '', f'{score:.3f}'] for (sensor, failure), score in zip(cases, scores, strict=True)]
    print('\n' + AsciiTable([['sensor that fails', '', name], *rows], f'{args.checkpoint} on {args.config}').table)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='config with the data to test on')
    parser.add_argument('checkpoint', help='checkpoint file, or the name of bundled weights')
    parser.add_argument('--failures', nargs='+', choices=[*FAILURES, *FROZEN], metavar='ROW',
                        help='rows of the table beside the one without a failure, by their names there '
                             '(default: all that the images can have)')
    parser.add_argument('--replace', action='store_true',
                        help="the other image takes the place of one that is of no use (missing='fallback')")
    parser.add_argument('--alone', nargs='+', default=[], metavar='SENSOR=MODEL',
                        help='there the model of one sensor by itself is taken, visible=FILE.pth (alone=)')
    parser.add_argument('--align', action='store_true',
                        help='the image of the sensor that fails, which has to be known, is shifted onto the other '
                             'where they lie apart (align=)')
    parser.add_argument('--work-dir', type=Path, default=Path('work_dirs/failing_sensors'),
                        help='where the scores go, a file a test; one that is there is not tested again (default: '
                             '%(default)s)')
    args = parser.parse_args()
    args.alone = dict(text.partition('=')[::2] for text in args.alone)
    if args.alone and not (args.replace and set(args.alone) <= set(SENSORS) and all(args.alone.values())):
        parser.error('--alone goes with --replace, and is visible=MODEL, infrared=MODEL, or both.')
    return args


def kept(args: argparse.Namespace, cfg: Config, model: nn.Module, alone: Mapping[str, nn.Module], sensor: str,
         failure: str | None) -> float:
    """Return the score of a case; one that is done is not done again."""
    case = '-'.join([sensor, *(failure or '').replace(',', '').split(), *['mended'] * args.replace,
                     *['aligned'] * args.align, *['alone'] * bool(args.alone)])
    file = args.work_dir / Path(args.config).stem / Path(args.checkpoint).stem / f'{case}.json'
    request = f'{args.checkpoint} {args.alone}\n{cfg.pretty_text}'
    if file.is_file():
        done = json.loads(file.read_text())
        if done['request'] != request:
            sys.exit(f'error: {file} is of another config, fold or checkpoint. Give another --work-dir.')
        return done['score']
    stays = 'infrared' if sensor == 'visible' else 'visible'
    infer = FusionInferencer(model, score_thr=0.0, missing='fallback' if args.replace else 'error', alone=alone,
                             align=stays if args.align else None)
    for each in (infer, *infer.alone.values()):  # the data set loads the images
        each.thermal = each.homography = each.resize = None
    score = scored(infer, spoiled(cfg, sensor, failure, model.data_preprocessor.bit_depth))
    write_text(file, json.dumps(dict(request=request, score=score)))
    return score


def spoiled(cfg: Config, sensor: str, failure: str | None, bit_depth: Mapping[str, int]) -> Any:
    """Return the test set as its files are read, with one sensor spoiled."""
    data = cfg.test_dataloader.dataset
    steps = [step for step in data.pipeline if type_name(step).split('.')[-1].startswith('Load')]
    if failure in FROZEN:
        steps.insert(0, dict(type='FrozenSensor', sensor=sensor, **FROZEN[failure]))
    elif failure:
        depths = {name: bits for name, bits in bit_depth.items() if name in SENSORS}
        steps.append(dict(type='SensorFailure', sensor=sensor, seed=0, bit_depth=depths, **FAILURES[failure]))
    return DATASETS.build(dict(data, pipeline=steps))


def scored(infer: FusionInferencer, dataset: Any) -> float:
    """Return the mAP@0.5 or mIoU of what is found in the images of a data set, each a sequence by itself."""
    found = []
    for number in range(len(dataset)):
        sample = dataset[number]
        infer.reset()
        out = infer(sample['img'], sample['infrared'])
        if infer.segments:
            found.append(class_areas(out['mask'], sample['gt_seg_map'], len(dataset.metainfo['classes'])))
        else:
            found.append(detection_sample(number, out, sample['instances'], sample['img'].shape[:2]))
    return mean_iou(found) if infer.segments else mean_average_precision(found, dataset.metainfo['classes'])


if __name__ == '__main__':
    run_tool(main)
