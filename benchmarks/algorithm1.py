"""TIM's algorithm 1 as a whole, and what each link of it is worth: eight rows, every link on and off.

- search: the fusion network found by IAS and the neck found on its images; off: random ones of the same size, in the
  same spaces.
- initialisation: meta-initialisation over the four fusion tasks; off: plain training on the same tasks, by as many
  gradients.
- guidance: the detector's loss trains the fusion network too, in the last stage; off: the fusion network stays what its
  own loss made of it, and the detector goes on alone for as many iterations.

All rows train on all folds of MSRS but one with one budget, and are tested on that one. Every seed is a whole chain, of
searches, draws and trainings. Figures are means over the seeds, with the standard deviation. The same command goes on
where it was stopped.

    ROADSCENE_ROOT=data/roadscene HARVARD_ROOT=data/harvard MSRS_ROOT=data/msrs python benchmarks/algorithm1.py
    ... --train-options optim_wrapper.type=CPUAmpOptimWrapper    # bfloat16, where the processor has it
"""
import argparse
import json
import os
from itertools import product
from pathlib import Path

from mmengine.config import Config
from mmengine.utils import track_iter_progress
from rows import plain_training
from runs import draw, figure, test, train
from terminaltables import AsciiTable

from mmfusenas.models.scene import TIMFusion
from mmfusenas.utils.command_line import run_tool
from mmfusenas.utils.complexity import count_parameters

SEARCH, NECK_SEARCH = 'configs/tim/algorithm1_search.py', 'configs/tim/algorithm1_neck_search.py'
LINKS = ('search', 'initialisation', 'guidance')
SCORES = {'mAP@0.5': 'coco/bbox_mAP_50', 'mAP': 'coco/bbox_mAP'}
LIKE = 0.01  # share of the parameters by which a random network may be smaller or larger than the one found


def main() -> None:
    args = parse_args()
    os.environ['FOLD'] = args.fold  # which the configs read
    rows = list(product((True, False), repeat=len(LINKS)))
    found = {(row, seed): measure(*row, seed, args)
             for row, seed in track_iter_progress([(row, seed) for seed in args.seeds for row in rows])}
    names = list(found[rows[0], args.seeds[0]])
    table = [[*('yes' if link else 'no' for link in row),
              *(figure([found[row, seed][name] for seed in args.seeds]) for name in names)] for row in rows]
    print('\n' + AsciiTable([[*LINKS, *names], *table], f'algorithm 1, fold {args.fold}, seeds {args.seeds}').table)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--fold', default='0/4', metavar='K/N', help='fold to test on (default: %(default)s)')
    parser.add_argument('--seeds', nargs='+', type=int, default=[0], help='default: 0')
    parser.add_argument('--work-dir', type=Path, default=Path('work_dirs/algorithm1'), help='default: %(default)s')
    for name, step in dict(search='the search of the fusion network', init='the initialisations',
                           neck='the search of the neck', train='the task-guided trainings', test='the tests').items():
        parser.add_argument(f'--{name}-options', nargs='+', default=[], metavar='KEY=VALUE',
                            help=f'values to override in the config of {step}')
    return parser.parse_args()


def measure(searched: bool, meta: bool, guided: bool, seed: int, args: argparse.Namespace) -> dict[str, float]:
    """Go through the chain with some of its links; return sizes and precision."""
    fusion, neck = fusion_network(searched, seed, args), detector(searched, seed, args)
    retrain = str(neck / 'retrain.py')
    folder = neck / f'{"meta" if meta else "joint"}-{"guided" if guided else "frozen"}'
    checkpoint = train(retrain, folder, [
        f'model.scene.init_cfg.checkpoint={initial(fusion, meta, seed, args)}', f'randomness.seed={seed}',
        *([] if guided else ['default_hooks.guidance.final_stage=task']), *args.train_options])
    scores = test(retrain, checkpoint, args.test_options)
    return {'N_F (k)': fusion_parameters(fusion) / 1000, 'N_F and N_T (M)': parameters(neck) / 1e6,
            **{name: scores.get(key, 0.0) for name, key in SCORES.items()}}  # mmdet gives none where nothing is found


def fusion_network(searched: bool, seed: int, args: argparse.Namespace) -> Path:
    """Return the folder of the fusion network found, or of a random one of its size."""
    found = args.work_dir / f'seed-{seed}/fusion-found'
    train(SEARCH, found, [f'randomness.seed={seed}', *args.search_options])
    if searched:
        return found
    # Of its size at the width that is trained, of which the search has a third.
    return drawn(SEARCH, found, fusion_parameters(found), seed, [*args.search_options, 'model.channels=48'])


def initial(fusion: Path, meta: bool, seed: int, args: argparse.Namespace) -> Path:
    """Return the weights of a fusion network after its meta-initialisation, or after as many gradients without it."""
    config, options = str(fusion / 'retrain.py'), [f'randomness.seed={seed}', *args.init_options]
    checkpoint = train(config, fusion / 'meta', options)
    if meta:
        return checkpoint
    cfg = Config.fromfile(checkpoint.parent / 'retrain.py')  # with the options of the training in it
    # Of every task a gradient for each of the K steps, and one for the step outside.
    gradients = cfg.train_cfg.max_iters * len(cfg.train_dataloader.dataset.datasets) * (cfg.train_cfg.steps + 1)
    return train(config, fusion / 'joint', [
        *(option for option in options if not option.startswith('train_cfg.')), *plain_training(gradients)])


def detector(searched: bool, seed: int, args: argparse.Namespace) -> Path:
    """Return the folder of the detector whose fusion network and neck were found, or of one with both at random."""
    options = [*scene_options(True, seed, args), *args.neck_options]
    found = args.work_dir / f'seed-{seed}/{args.fold.replace("/", "of")}-found'
    train(NECK_SEARCH, found, [f'randomness.seed={seed}', *options])
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


def fusion_parameters(folder: Path) -> int:
    """Return the number of parameters, at full width, of the fusion network that was left in ``folder``."""
    return count_parameters(TIMFusion(genotype=str(folder / 'genotype.json')))


def parameters(folder: Path) -> int:
    """Return the number of parameters of the detector and its fusion network that were left in ``folder``."""
    return json.loads((folder / 'genotype.json').read_text())['costs']['parameters']


if __name__ == '__main__':
    run_tool(main)
