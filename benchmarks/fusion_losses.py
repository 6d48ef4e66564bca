"""Forms of the fusion loss beside each other and beside fixed rules, on training pairs that are set aside.

`tim-light` is trained by every form with one budget on five sixths of the training pairs of RoadScene and MSRS and
scored on the last sixth, whole runs of frames: MI (bits), VIF, Q^AB/F, the correlation of the fused luma with each
source, and the share of MSRS's people that are darker than what is round them. The test pairs are not looked at: the
default form is chosen here. The same command goes on where it was stopped, and divides its runs among processes that
are started with it.

    ROADSCENE_ROOT=data/roadscene MSRS_ROOT=data/msrs python benchmarks/fusion_losses.py --train-options \
        train_cfg.max_epochs=20 optim_wrapper.type=CPUAmpOptimWrapper
"""
import argparse
from pathlib import Path

from runs import figure, shared, test_rule, train
from terminaltables import AsciiTable

from mmfusenas.utils.command_line import run_tool

CONFIG = 'configs/tim/fusion_light_real.py'
LOSS = 'model.loss.'
DEFAULT = [f'{LOSS}_delete_=True', f'{LOSS}type=FusionLoss']
FORMS = {
    'information': [*DEFAULT, f'{LOSS}form=information'],
    'information, features': [*DEFAULT, f'{LOSS}form=information', f'{LOSS}features=efficientnet-lite0'],
    'saliency': [*DEFAULT, f'{LOSS}form=saliency'],
    'maximum, plain': [*DEFAULT, f'{LOSS}source_weights=(1.0,1.0)', f'{LOSS}contrast_share=0.0'],
    'maximum': DEFAULT,
    'bundled': [],
    # Its four transforms that spoil a sensor, which come after loading and the patch, do nothing.
    'bundled, sensors as they are': [f'train_dataloader.dataset.datasets.{part}.pipeline.{step}.prob=0.0'
                                     for part in (0, 1) for step in (2, 3, 4, 5)],
}
"""Rows by what they change of the config; ``bundled`` is the config as it is."""
RULES = ('visible', 'infrared', 'average', 'maximum', 'laplacian')
# Frames of RoadScene that are further apart are of other places; MSRS: configs/_base_/datasets/msrs_folds.py.
SPLITS = {'roadscene': dict(gap=60, block=20), 'msrs': dict(gap=16, block=20)}
PARTS = {
    'roadscene': (CONFIG, [
        'test_dataloader.dataset.data_prefix.img=train/vi', 'test_dataloader.dataset.data_prefix.infrared=train/ir',
        'test_evaluator.metric=[MI,VIF,Qabf,CC_visible,CC_infrared]']),
    'msrs': ('configs/tim/fusion_light-msrs.py', [
        f'test_dataloader.dataset.data_prefix.{key}=[train/{folder}]'
        for key, folder in dict(img='vi', infrared='ir', ann='labels').items()
    ] + ['test_dataloader.dataset.kfold._delete_=True']),
}


def main() -> None:
    args = parse_args()
    runs = [(row, seed) for seed in args.seeds for row in args.rows]
    checkpoints = shared(runs, lambda run: trained(*run, args))
    rules = shared([(part, rule) for part in PARTS for rule in RULES], lambda run: score_rule(*run, args))
    found = shared([(part, *run) for part in PARTS for run in runs], lambda run: scores(
        run[0], checkpoints[run[1:]].parent, args, test_options(run[1]), checkpoints[run[1:]]))
    for part in PARTS:
        rows = {f'rule: {rule}': [rules[part, rule]] for rule in RULES}
        rows.update({form: [found[part, form, seed] for seed in args.seeds] for form in args.rows})
        names = list(next(iter(rows.values()))[0])
        table = [['', *names], *([row, *(figure([run[name] for run in several]) for name in names)]
                                 for row, several in rows.items())]
        print('\n' + AsciiTable(table, f'{part}, training pairs set aside, seeds {args.seeds}').table)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--rows', nargs='+', default=list(FORMS), choices=list(FORMS), metavar='ROW',
                        help=f'forms to train by, of {", ".join(map(repr, FORMS))} (default: all)')
    parser.add_argument('--seeds', nargs='+', type=int, default=[0], help='seeds of the trainings (default: 0)')
    parser.add_argument('--work-dir', type=Path, default=Path('work_dirs/fusion_losses'),
                        help='where the trainings go, a folder a run (default: %(default)s)')
    parser.add_argument('--train-options', nargs='+', default=[], metavar='KEY=VALUE',
                        help='values to override in the config when training')
    parser.add_argument('--test-options', nargs='+', default=[], metavar='KEY=VALUE',
                        help='values to override in the config when testing')
    return parser.parse_args()


def trained(form: str, seed: int, args: argparse.Namespace) -> Path:
    """Train by a form of the loss; return the last checkpoint."""
    asides = [option for number, part in enumerate(SPLITS)
              for option in kfold(f'train_dataloader.dataset.datasets.{number}', part, 'train')]
    return train(CONFIG, args.work_dir / f'{form.replace(", ", "-")}-{seed}', [
        f'randomness.seed={seed}', *FORMS[form], *asides, *args.train_options])


def score_rule(part: str, rule: str, args: argparse.Namespace) -> dict[str, float]:
    """Score a fixed rule on what is set aside of a set."""
    return scores(part, args.work_dir / 'rules' / rule, args, [
        'model._delete_=True', 'model.type=FixedFusion', f'model.rule={rule}'])


def test_options(form: str) -> list[str]:
    """Return what a row changes in the config of a test, which has nothing to train."""
    return [option for option in FORMS[form] if option.startswith(LOSS)]


def scores(part: str, folder: Path, args: argparse.Namespace, options: list[str],
           checkpoint: Path | str = '') -> dict[str, float]:
    """Score what is set aside of a set."""
    config, own = PARTS[part]
    folder = folder / f'test-{part}'
    folder.mkdir(parents=True, exist_ok=True)
    return test_rule(config, folder, [*options, *own, *kfold('test_dataloader.dataset', part, 'test')],
                     args.test_options, str(checkpoint))


def kfold(dataset: str, part: str, subset: str) -> list[str]:
    """Return the options that hold a data set of a config to a subset of its training pairs."""
    values = dict(fold=0, n_splits=6, subset=subset, **SPLITS[part])
    return [f'{dataset}.kfold.{name}={value}' for name, value in values.items()]


if __name__ == '__main__':
    run_tool(main)
