"""Every config of DCNAS builds and knows what it searches."""
from pathlib import Path

import pytest
from mmengine.config import Config

from mmfusenas.engine.hooks.genotype_export_hook import retrain_config
from mmfusenas.nas import Genotype, SearchSpace
from mmfusenas.registry import MODELS
from mmfusenas.utils.config_check import check_config

CONFIGS = sorted((Path(__file__).parent.parent.parent / 'configs' / 'dcnas').glob('*.py'))


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_model_builds_and_knows_what_is_open(path):
    open_choices = len(SearchSpace(MODELS.build(Config.fromfile(path).model)))
    assert bool(open_choices) == ('_supernet' in path.stem or '_search' in path.stem)


CHAINS = [('depth_x4', ''), ('depth_x8', ''), ('depth_x4', '_demo'), ('depth', '_demo'),
          ('thermal_x4', ''), ('thermal_x8', ''), ('pansharpening_x4', ''), ('scenes_depth_x8', ''),
          ('depth-nyu_x8', ''), *((f'depth-nyu_x8_fixed-{part}', '') for part in ('encoder', 'fusion', 'decoder'))]


@pytest.mark.parametrize('name, end', CHAINS)
def test_paths_are_scored_on_pictures_that_are_not_trained_on(name, end):
    supernet, search = (Config.fromfile(CONFIGS[0].parent / f'{name}_{part}{end}.py')
                        for part in ('supernet', 'search'))
    scale = 4 if 'x4' in name else 8
    for scored in (supernet.custom_hooks[-1].dataset, search.train_dataloader.dataset):
        for fit, held in zip(leaves(supernet.train_dataloader.dataset), leaves(scored), strict=True):
            assert fit.get('data_root') == held.get('data_root') and fit.get('data_prefix') == held.get('data_prefix')
            apart = fit.seed != held.seed if 'seed' in fit else fit.leave_out == held.fold
            assert apart and scale_of(fit) == scale_of(held) == scale


def scale_of(leaf):
    """The scale of a data set, whose target is degraded before a patch of it is cut: by the range of the whole."""
    kinds = [step.type for step in leaf.pipeline]
    place = kinds.index('DegradeTarget')
    assert 'JointTransform' not in kinds[:place]
    return leaf.pipeline[place].scale


def leaves(dataset):
    """The data sets below a concatenation or a repetition."""
    if 'datasets' in dataset:
        return [leaf for part in dataset.datasets for leaf in leaves(part)]
    return leaves(dataset.dataset) if 'dataset' in dataset else [dataset]


@pytest.mark.parametrize('name, end', CHAINS)
def test_what_is_found_trains_as_the_published(name, end, tmp_path):
    cfg = Config.fromfile(CONFIGS[0].parent / f'{name}_search{end}.py')
    choices = {f'net.{name}': candidate for name, candidate in Genotype.load('dcnas-4x').choices.items()}
    genotype = Genotype(choices, parts={'net': dict(space='GuidedSRNet', space_hash='')})
    found = retrain_config(cfg, genotype, tmp_path, cfg.custom_hooks[-1].retrain_as)
    plain = Config.fromfile(CONFIGS[0].parent / f'{name}{end}.py')
    check_config(found)
    for key in ('train_dataloader', 'val_dataloader', 'test_dataloader', 'train_cfg', 'param_scheduler',
                'optim_wrapper', 'val_evaluator'):
        assert found[key] == plain[key], key
    assert not len(SearchSpace(MODELS.build(found.model)))
