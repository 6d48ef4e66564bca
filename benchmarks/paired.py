"""Whether one network finds more than another by more than noise: the difference on the same images.

Each row is tested on the data of its own config: the images, annotations and classes have to be the same. The table has
the score of each (mAP at IoU 0.5, or mIoU) and the second one their differences. Standard errors are by leaving out a
tenth of the images at a time, neighbours together. They say how far other images would move a figure, not another
training.

    FOLD=0/3 MSRS_ROOT=data/msrs python benchmarks/paired.py \\
        --row both configs/tim/retinanet_ivif-msrs.py tim-retinanet-msrs \\
        --row visible work_dirs/visible/retinanet_ivif-msrs.py work_dirs/visible/iter_1700.pth
"""
import argparse
from collections.abc import Sequence
from pathlib import Path

from mmengine.utils import track_iter_progress
from pooled import Image, difference_table, images_of, output_option, paired
from runs import test_rule
from terminaltables import AsciiTable

from mmfusenas.core.errors import UserError
from mmfusenas.utils.command_line import read_config, run_tool


def main() -> None:
    args = parse_args()
    images, classes = {}, {}
    for name, config, checkpoint in track_iter_progress(args.row):
        images[name], classes[name] = tested(name, config, checkpoint, args.work_dir)
    first, *others = classes
    for name in others:
        if list(classes[name]) != list(classes[first]):
            raise UserError(f'{name} finds {", ".join(classes[name])}, and {first} {", ".join(classes[first])}: rows '
                            'need the same classes in the same order.')
    found = paired({name: [each] for name, each in images.items()}, classes[first])
    scores = [[name, f'{score.value:.3f} +- {score.error:.3f}'] for name, score in found.items()]
    print('\n' + AsciiTable([['', 'score'], *scores], f'{len(next(iter(images.values())))} images').table)
    print('\n' + AsciiTable(difference_table(found), 'on the same images').table)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--row', nargs=3, action='append', required=True, metavar=('NAME', 'CONFIG', 'CHECKPOINT'),
                        help='a network: its name in the table, config and checkpoint (or bundled weights); give two '
                             'or more')
    parser.add_argument('--work-dir', type=Path, default=Path('work_dirs/paired'),
                        help='where the tests go, which are not run again (default: %(default)s)')
    args = parser.parse_args()
    if len(args.row) < 2 or len({name for name, *_ in args.row}) < len(args.row):
        parser.error('give two rows or more, each by a name of its own')
    return args


def tested(name: str, config: str, checkpoint: str, work_dir: Path) -> tuple[list[Image], Sequence[str]]:
    """Test a network; return the images with what was found, and the names of the classes.

    Raises:
        UserError: The config has no test set, or an empty one, or its test writes nothing that can be compared image
            by image.
    """
    cfg = read_config(config)
    option = output_option(cfg)
    if not option:
        raise UserError(f'{config} has no DetectionMetric or IoUMetric as its first metric, on files: nothing can be '
                        'compared image by image.')
    place = (work_dir / name / 'found').resolve()
    test_rule(config, work_dir / name, [f'{option}={place}'], checkpoint=checkpoint)
    images, classes = images_of(cfg, place)
    if not images:
        raise UserError(f'{work_dir / name} has the scores of {name}, and not what was found: remove that folder, so '
                        'that it is tested again.')
    return images, classes


if __name__ == '__main__':
    run_tool(main)
