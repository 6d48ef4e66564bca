"""TIM's algorithm 1 as a whole, and what each link of it is worth: eight rows, every link on and off.

- search: the fusion network found by IAS and the neck found on its images; off: random ones of the same size, in the
  same spaces.
- initialisation: meta-initialisation over the four fusion tasks; off: plain training on the same tasks, by as many
  gradients.
- guidance: the detector's loss trains the fusion network too, in the last stage; off: the fusion network stays what its
  own loss made of it, and the detector goes on alone for as many iterations.

All rows train with one budget (`--iterations`) and are tested on the same images. What several rows share, such as a
search, is made once. Every seed is a whole chain, of searches, draws and trainings. The same command goes on where it
was stopped.

Two tables come out. The first has the eight rows, and below them the detector that was found with an image of a fixed
rule in the place of the fusion network (`--rules`), the control of all: sizes, precision, and how much of both sensors
is in the image that the detector saw (CDDFuse's convention, MI in nats). The second has what each link adds: the
difference between a row with the link and the same row without it, as mean and standard deviation over the four pairs
of rows and all seeds. A link whose mean is not far above its deviation has shown nothing.

Data: the built-in scenes, with the fusion tasks drawn too, which need no files; or MSRS, all folds but one to train and
that one to test, with RoadScene and Harvard for the fusion tasks.

    python benchmarks/algorithm1.py
    ROADSCENE_ROOT=data/roadscene HARVARD_ROOT=data/harvard MSRS_ROOT=data/msrs \\
        python benchmarks/algorithm1.py --data msrs --fold 0/4 --seeds 0 1 2
    ... --iterations 400 --init-options train_cfg.max_iters=100     # half the budget, and less for the initialisations
    ... --train-options optim_wrapper.type=CPUAmpOptimWrapper       # bfloat16, where the processor has it
"""
import argparse
import json
import os
from collections.abc import Mapping
from functools import cache
from itertools import product
from pathlib import Path

from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.utils import track_iter_progress
from rows import TIM_ROWS, plain_training
from runs import config_with, draw, figure, test, train
from terminaltables import AsciiTable

from mmfusenas.models.scene import TIMFusion
from mmfusenas.registry import DATASETS
from mmfusenas.utils.command_line import run_tool
from mmfusenas.utils.complexity import count_parameters

SEARCH, NECK_SEARCH = 'configs/tim/algorithm1_search.py', 'configs/tim/algorithm1_neck_search.py'
DATA = dict(scenes=('synthetic_fusion_tasks', 'algorithm1_demo.py'), msrs=('real_fusion_tasks', 'algorithm1.py'))
"""Fusion tasks and training of the detector by data, in configs/_base_/datasets and configs/tim."""
LINKS = ('search', 'initialisation', 'guidance')
RULES = ('average', 'infrared', 'visible')
SCORES = {'mAP@0.5': 'coco/bbox_mAP_50', 'mAP': 'coco/bbox_mAP',
          'MI': 'cddfuse/MI', 'VIF': 'cddfuse/VIF', 'Q^AB/F': 'cddfuse/Qabf'}
NO_VALIDATION = 'train_cfg.val_begin=1000000'  # what is tested at once needs none
LIKE = 0.01  # share of the parameters by which a random network may be smaller or larger than the one found

Row = tuple[bool, bool, bool]
"""Which links a row has."""


def main() -> None:
    args = parse_args()
    tasks, recipe = DATA[args.data]
    os.environ.update(DATA=tasks, RECIPE=f'./{recipe}', FOLD=args.fold)  # which the configs read
    rows: list[Row | str] = [*product((True, False), repeat=len(LINKS)), *args.rules]
    found = {(row, seed): measure(row, seed, args)
             for row, seed in track_iter_progress([(row, seed) for seed in args.seeds for row in rows])}
    fold = f', fold {args.fold}' if args.data == 'msrs' else ''
    images = test_images(trained(rows[0], args.seeds[0], args), args)
    print(f'\n{table_of_rows(found, f"algorithm 1 on {args.data}{fold}, {images} images, seeds {args.seeds}")}')
    print(f'\n{table_of_links(found)}')


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--data', choices=DATA, default='scenes', help='built-in scenes or MSRS (default: %(default)s)')
    parser.add_argument('--fold', default='0/4', metavar='K/N', help='fold of MSRS to test on (default: %(default)s)')
    parser.add_argument('--seeds', nargs='+', type=int, default=[0], help='default: 0')
    parser.add_argument('--iterations', type=int, metavar='N',
                        help="of each row's training, whose stages keep their shares (default: the config's, 800)")
    parser.add_argument('--rules', nargs='*', choices=RULES, default=['average'],
                        help='fixed images that the detector found is trained on as well (default: average)')
    parser.add_argument('--work-dir', type=Path, default=Path('work_dirs/algorithm1'), help='default: %(default)s')
    for option, step in {'--search-options': 'the search of the fusion network',
                         '--init-options': 'the initialisations',
                         '--neck-options': 'the search of the neck', '--train-options': 'the trainings of the rows',
                         '--test-options': 'the tests'}.items():
        parser.add_argument(option, nargs='+', default=[], metavar='KEY=VALUE',
                            help=f'values to override in the config of {step}')
    return parser.parse_args()


def table_of_rows(found: Mapping[tuple[Row | str, int], Mapping[str, float]], title: str) -> str:
    """Return the table of all rows: the links that they have, and their figures over the seeds."""
    names = list(next(iter(found.values())))
    lines = []
    for row in dict.fromkeys(row for row, _ in found):
        links = [row, '', ''] if isinstance(row, str) else ['yes' if link else 'no' for link in row]
        values = [values for (other, _), values in found.items() if other == row]
        lines.append([*links, *(figure([value[name] for value in values if name in value]) for name in names)])
    return AsciiTable([[*LINKS, *names], *lines], title).table


def table_of_links(found: Mapping[tuple[Row | str, int], Mapping[str, float]]) -> str:
    """Return the table of what each link adds."""
    lines = []
    for place, link in enumerate(LINKS):
        added = differences(found, place)
        above = sum(values['mAP@0.5'] > 0 for values in added)
        lines.append([link, f'{above} of {len(added)}', *(
            figure([values[name] for values in added]) for name in SCORES)])
    title = 'what each link adds: pairs of rows in which mAP@0.5 rises, and mean difference'
    return AsciiTable([['', 'pairs', *SCORES], *lines], title).table


def differences(found: Mapping[tuple[Row | str, int], Mapping[str, float]], place: int) -> list[dict[str, float]]:
    """Return what the scores of each row with a link are above those of the same row without it, seed by seed."""
    pairs = [(values, found[(*row[:place], False, *row[place + 1:]), seed])
             for (row, seed), values in found.items() if not isinstance(row, str) and row[place]]
    return [{name: on[name] - off[name] for name in SCORES} for on, off in pairs]


def measure(row: Row | str, seed: int, args: argparse.Namespace) -> dict[str, float]:
    """Go through the chain with some of its links; return sizes and scores."""
    checkpoint = trained(row, seed, args)
    scores = test('retrain.py', checkpoint, args.test_options)
    sizes = {}
    if not isinstance(row, str):
        sizes = {'N_F (k)': fusion_parameters(fusion_network(row[0], seed, args)) / 1000,
                 'N_F and N_T (M)': parameters(checkpoint.parent.parent) / 1e6}
    return {**sizes, **{name: scores.get(key, 0.0) for name, key in SCORES.items()}}  # no mAP where nothing is found


def trained(row: Row | str, seed: int, args: argparse.Namespace) -> Path:
    """Return the last checkpoint of a row's training."""
    if isinstance(row, str):
        neck, name, options = detector(True, seed, args), row, TIM_ROWS[row]
        budget = iterations(neck, args)[:1]  # without the stages, which a rule has not
    else:
        searched, meta, guided = row
        neck, name = detector(searched, seed, args), f'{"meta" if meta else "joint"}-{"guided" if guided else "frozen"}'
        start = initial(fusion_network(searched, seed, args), meta, seed, args)
        options = [f'model.scene.init_cfg.checkpoint={start}',
                   *([] if guided else ['default_hooks.guidance.final_stage=task'])]
        budget = iterations(neck, args)
    return train(str(neck / 'retrain.py'), neck / name, [
        *options, f'randomness.seed={seed}', NO_VALIDATION, *budget, *args.train_options])


def iterations(neck: Path, args: argparse.Namespace) -> list[str]:
    """Return the options that bring a training, and its stages with it, to the number of iterations asked for."""
    if not args.iterations:
        return []
    cfg = Config.fromfile(neck / 'retrain.py')
    stages = {name: cfg.default_hooks.guidance[name] * args.iterations // cfg.train_cfg.max_iters
              for name in ('scene_length', 'task_length')}
    return [f'train_cfg.max_iters={args.iterations}',
            *(f'default_hooks.guidance.{name}={length}' for name, length in stages.items())]


def test_images(checkpoint: Path, args: argparse.Namespace) -> int:
    """Return how many images a test looks at."""
    init_default_scope('mmfusenas')
    cfg = config_with(checkpoint.parent / 'retrain.py', args.test_options)
    return len(DATASETS.build(dict(cfg.test_dataloader.dataset, pipeline=[])))


def fusion_network(searched: bool, seed: int, args: argparse.Namespace) -> Path:
    """Return the folder of the fusion network found, or of a random one of its size."""
    found = args.work_dir / args.data / f'seed-{seed}/fusion-found'
    train(SEARCH, found, [f'randomness.seed={seed}', NO_VALIDATION, *args.search_options])
    if searched:
        return found
    # Of its size at the width that is trained, of which the search has a third.
    return drawn(SEARCH, found, fusion_parameters(found), seed, [*args.search_options, 'model.channels=48'])


def initial(fusion: Path, meta: bool, seed: int, args: argparse.Namespace) -> Path:
    """Return the weights of a fusion network after its meta-initialisation, or after as many gradients without it."""
    config, options = str(fusion / 'retrain.py'), [f'randomness.seed={seed}', *args.init_options]
    checkpoint = train(config, fusion / 'meta', [*options, NO_VALIDATION])
    if meta:
        return checkpoint
    cfg = Config.fromfile(checkpoint.parent / 'retrain.py')  # with the options of the training in it
    # Of every task a gradient for each of the K steps, and one for the step outside.
    gradients = cfg.train_cfg.max_iters * len(cfg.train_dataloader.dataset.datasets) * (cfg.train_cfg.steps + 1)
    return train(config, fusion / 'joint', [
        *(option for option in options if not option.startswith('train_cfg.')), *plain_training(gradients),
        NO_VALIDATION])


def detector(searched: bool, seed: int, args: argparse.Namespace) -> Path:
    """Return the folder of the detector whose fusion network and neck were found, or of one with both at random."""
    options = [*scene_options(True, seed, args), *args.neck_options]
    fold = f'-{args.fold.replace("/", "of")}' if args.data == 'msrs' else ''
    found = args.work_dir / args.data / f'seed-{seed}/detector{fold}-found'
    train(NECK_SEARCH, found, [f'randomness.seed={seed}', NO_VALIDATION, *options])
    if searched:
        return found
    options = [*scene_options(False, seed, args), *args.neck_options]
    return drawn(NECK_SEARCH, found, parameters(found), seed, options)


def scene_options(searched: bool, seed: int, args: argparse.Namespace) -> list[str]:
    """Return the options that put a fusion network, meta-initialised, in front of the detector."""
    fusion = fusion_network(searched, seed, args)
    return [f'model.scene.genotype={fusion / "genotype.json"}',
            f'model.scene.init_cfg.checkpoint={initial(fusion, True, seed, args)}']


def drawn(config: str, found: Path, size: int, seed: int, options: list[str]) -> Path:
    """Return the folder of a random network of the size of the one found, beside it."""
    folder = found.with_name(found.name.replace('found', 'random'))
    return draw(config, folder, seed, ((1 - LIKE) * size, (1 + LIKE) * size), options).parent


@cache
def fusion_parameters(folder: Path) -> int:
    """Return the number of parameters, at full width, of the fusion network that was left in ``folder``."""
    return count_parameters(TIMFusion(genotype=str(folder / 'genotype.json')))


def parameters(folder: Path) -> int:
    """Return the number of parameters of the detector and its fusion network that were left in ``folder``."""
    return json.loads((folder / 'genotype.json').read_text())['costs']['parameters']


if __name__ == '__main__':
    run_tool(main)
