"""Draw a random architecture of a search: ``sample_genotype.py CONFIG --seed 1 --work-dir work_dirs/random_1``."""
import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from mmengine.config import Config

from mmfusenas.apis.loading import build_from_config
from mmfusenas.core.errors import UserError
from mmfusenas.core.files import write_text
from mmfusenas.engine.hooks.genotype_export_hook import retrain_config
from mmfusenas.nas import Genotype, SearchSpace
from mmfusenas.nas.sampling import PathSampler
from mmfusenas.utils.command_line import ConfigOptions, RenamedOption, command, load_config, run_tool
from mmfusenas.utils.complexity import complexity
from mmfusenas.utils.config_hooks import get_hooks, place_of_hook


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Draw one architecture of the space that a config searches, every choice uniformly, and write '
                    'what the search itself would leave: genotype.json and retrain.py. A found architecture is worth '
                    'what it is above a few of these, trained with the same budget.',
        epilog='example: python tools/analysis_tools/sample_genotype.py configs/tim/fusion_search.py --seed 1 '
               '--work-dir work_dirs/random_1')
    parser.add_argument('config', help='config of a search')
    parser.add_argument('--seed', type=int, default=0, help='which one (default: 0)')
    parser.add_argument('--parameters', '--between', action=RenamedOption, nargs=2, type=float, metavar=('LOW', 'HIGH'),
                        help='of so many parameters: to stand beside one found, draw one of its size')
    parser.add_argument('--cfg-options', nargs='+', action=ConfigOptions, metavar='KEY=VALUE',
                        help='values to override in the config')
    parser.add_argument('--work-dir', required=True, metavar='DIR', help='folder for genotype.json and retrain.py')
    return parser.parse_args()


def sampled(cfg: Config, seed: int, between: Sequence[float] | None = None) -> Genotype:
    """Return the random genotype of a seed, of so many parameters where a range is given.

    Raises:
        UserError: The config has no open choice.
        RuntimeError: No network is of that size.
    """
    space = SearchSpace(build_from_config(cfg))
    if not len(space):
        raise UserError(f'{cfg.filename} has no choice left to draw: give the config of a search.')
    generator, fixed = torch.Generator().manual_seed(seed), (cfg.get('train_cfg') or {}).get('fixed')
    if between or fixed:
        sampler = PathSampler(space, fixed=fixed)
        paths = sampler.sample_between(*between, 1, generator) if between else sampler.sample(1, generator)
        space.select(sampler.choices(paths[0]))
    else:
        space.select(space.sample(generator))
    genotype = space.genotype(source=dict(config=str(cfg.filename), epoch=0, seed=seed, drawn='at random'))
    return replace(genotype, costs=complexity(space.derive(genotype), export_options(cfg).get('shape')))


def export_options(cfg: Config) -> dict:
    """Return the options of the config's export hook."""
    place = place_of_hook(cfg, 'GenotypeExportHook')
    return dict(get_hooks(cfg)[place]) if place else {}


def main() -> None:
    """Draw."""
    args = parse_args()
    cfg = load_config(args.config, args.cfg_options)
    work_dir, genotype = Path(args.work_dir), sampled(cfg, args.seed, args.parameters)
    genotype.save(work_dir / 'genotype.json')
    retrain = work_dir / 'retrain.py'
    options = export_options(cfg)
    config = retrain_config(cfg, genotype, work_dir, options.get('retrain_as'), options.get('retrain'))
    write_text(retrain, config.pretty_text)
    for name, candidate in genotype.choices.items():
        print(f'{name}: {candidate}')
    print(f'{genotype.costs["parameters"]:,} parameters; genotype in {work_dir / "genotype.json"}')
    print(f'\ndone; next:\n  {command("python", "tools/train.py", retrain)}')


if __name__ == '__main__':
    run_tool(main)
