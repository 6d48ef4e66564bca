"""Every config of DCNAS builds, and one supernet and one search serve every recipe."""
from pathlib import Path

import pytest

from mmfusenas.core.errors import UserError
from mmfusenas.engine.hooks.genotype_export_hook import retrain_config
from mmfusenas.nas import Genotype, SearchSpace
from mmfusenas.registry import MODELS
from mmfusenas.utils.command_line import load_config
from mmfusenas.utils.config_check import check_config

FOLDER = Path(__file__).parent.parent.parent / 'configs' / 'dcnas'
CONFIGS = sorted(FOLDER.glob('*.py'))
TRAINING = ('train_dataloader', 'val_dataloader', 'test_dataloader', 'train_cfg', 'param_scheduler', 'optim_wrapper',
            'val_evaluator')
RECIPES = [dict(RECIPE=recipe) for recipe in ('depth', 'depth_demo', 'depth-nyu', 'depth_real', 'pansharpening',
                                              'thermal', 'scenes_depth', 'scenes_thermal')]
CHAINS = [*RECIPES, *(dict(RECIPE=recipe, SCALE='16') for recipe in ('depth', 'depth_demo', 'depth-nyu', 'thermal')),
          dict(RECIPE='depth-nyu', NOISE='25')]


def name_of(chain):
    return '-'.join(chain.values())


@pytest.fixture
def load(monkeypatch):
    """Read a config with variables in the environment."""
    for name in ('RECIPE', 'SCALE', 'NOISE', 'PATCH'):
        monkeypatch.delenv(name, raising=False)

    def load(stem, **variables):
        for name, value in variables.items():
            monkeypatch.setenv(name, f'./{value}.py' if name == 'RECIPE' else value)
        return load_config(str(FOLDER / f'{stem}.py'))

    return load


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_model_builds_and_knows_what_is_open(path, load):
    open_choices = len(SearchSpace(MODELS.build(load(path.stem).model)))
    assert bool(open_choices) == (path.stem in ('supernet', 'search'))


@pytest.mark.parametrize('chain', CHAINS, ids=name_of)
def test_paths_are_scored_on_images_that_are_not_trained_on(chain, load):
    supernet, search = load('supernet', **chain), load('search', **chain)
    scale = {'pansharpening': 4, 'depth_real': 1}.get(chain['RECIPE'], int(chain.get('SCALE', 8)))
    for scored in (supernet.default_hooks.sampling.dataset, search.train_dataloader.dataset):
        for fit, held in zip(leaves(supernet.train_dataloader.dataset), leaves(scored), strict=True):
            assert fit.get('data_root') == held.get('data_root') and fit.get('data_prefix') == held.get('data_prefix')
            apart = fit.seed != held.seed if 'seed' in fit else fit.except_nth == held.every_nth
            assert apart and degraded(fit).get('scale', 1) == degraded(held).get('scale', 1) == scale
    assert supernet.default_hooks.sampling.metric == search.train_cfg.metric == 'ratio'
    assert supernet.default_hooks.sampling.batch_size == search.train_dataloader.batch_size
    assert load(chain['RECIPE'], **chain).work_dir == supernet.work_dir.removesuffix('_supernet') == (
        search.work_dir.removesuffix('_search'))


def degraded(leaf):
    """The degradation of a data set. It comes before a patch is cut: its range is that of the whole target."""
    kinds = [step.type for step in leaf.pipeline]
    place = kinds.index('DegradeTarget')
    assert 'JointTransform' not in kinds[:place]
    return leaf.pipeline[place]


def patch_of(leaf):
    return next(crop.size for step in leaf.pipeline if step.type == 'JointTransform' for crop in step.transforms
                if crop.type == 'RandomPatch')


def leaves(dataset):
    """The data sets below a concatenation or a repetition."""
    if 'datasets' in dataset:
        return [leaf for part in dataset.datasets for leaf in leaves(part)]
    return leaves(
        dataset.dataset) if 'dataset' in dataset else [dataset]


@pytest.mark.parametrize('chain', CHAINS, ids=name_of)
def test_what_is_found_trains_as_the_published(chain, load, tmp_path):
    cfg = load('search', **chain)
    choices = {f'net.{name}': candidate for name, candidate in Genotype.load('dcnas-4x').choices.items()}
    genotype = Genotype(choices, parts={'net': dict(space='GuidedSRNet', space_hash='')})
    found = retrain_config(cfg, genotype, tmp_path, cfg.default_hooks.export.retrain_as)
    plain = load(chain['RECIPE'], **chain)
    check_config(found)
    for key in TRAINING:
        assert found[key] == plain[key], key
    assert not len(SearchSpace(MODELS.build(found.model)))


@pytest.mark.parametrize('recipe, patch', [('depth', 128), ('depth_demo', 64), ('depth-nyu', 256), ('depth_real', 256),
                                           ('pansharpening', 64), ('thermal', 128)])
def test_patches_are_of_the_size_asked_for(recipe, patch, load):
    for cfg, side in ((load(recipe), patch), (load(recipe, PATCH='96'), 96)):
        assert {patch_of(leaf) for leaf in leaves(cfg.train_dataloader.dataset)} == {(side, side)}


def test_the_demo_has_its_own_patches_and_the_data_of_depth(load):
    demo, whole = (leaves(load(stem).train_dataloader.dataset) for stem in ('depth_demo', 'depth'))
    rest = [[{key: value for key, value in leaf.items() if key != 'pipeline'} for leaf in part]
            for part in (demo, whole)]
    assert rest[0] == rest[1] and len(rest[0]) == 2
    assert [step.type for step in demo[0].pipeline] == [step.type for step in whole[0].pipeline]


def test_noise_is_drawn_anew_in_training_and_the_same_in_every_test(load):
    cfg = load('depth-nyu', NOISE='25')
    train, val, held = (degraded(leaf) for leaf in (
        cfg.train_dataloader.dataset, cfg.val_dataloader.dataset, cfg.held_out))
    assert [part.noise for part in (train, val, held)] == [25, 25, 25]
    assert train.get('seed') is None and val.seed == held.seed == 0
    assert degraded(load('depth-nyu', NOISE='0').train_dataloader.dataset).noise == 0


@pytest.mark.parametrize('scale, printed', [('4', 'dcnas-4x'), ('8', 'dcnas-4x'), ('16', 'dcnas-16x')])
def test_the_printed_network_is_that_of_the_scale(scale, printed, load):
    for recipe in ('depth', 'depth-nyu'):
        assert load(recipe, SCALE=scale).model.net.genotype == printed


@pytest.mark.parametrize('variables, said', [
    (dict(RECIPE='nothing'), r"dcnas/\./nothing\.py'"), (dict(SCALE='four'), r"rgbd_guided\.py cannot be read.*'four'"),
    (dict(RECIPE='../tim/fusion_light'), "no attribute 'work_dir'")])
def test_a_wrong_variable_ends_in_one_line(variables, said, load):
    with pytest.raises(UserError, match=said) as error:
        load('supernet', **variables)
    assert '\n' not in str(error.value)


def test_parts_of_the_space_are_fixed_by_options(load):
    load('search', RECIPE='depth-nyu')
    options = {'train_cfg.fixed.guidance': 'k3_r4', 'train_cfg.fixed.target': 'k3_r4'}
    cfg = load_config(str(FOLDER / 'search.py'), options)
    check_config(cfg)
    assert cfg.train_cfg.fixed == dict(guidance='k3_r4', target='k3_r4')
