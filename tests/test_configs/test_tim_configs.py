"""Every config of TIM builds and knows what it searches."""
import importlib
from argparse import ArgumentParser
from pathlib import Path

import pytest
from mmengine.config import Config

from mmfusenas.core.errors import UserError
from mmfusenas.datasets.problems import DatasetError
from mmfusenas.engine.hooks.genotype_export_hook import retrain_config
from mmfusenas.nas import Genotype, SearchSpace
from mmfusenas.nas.cost_table import CostTable
from mmfusenas.registry import DATASETS, HOOKS, MODELS
from mmfusenas.utils.command_line import ConfigOptions, load_config
from mmfusenas.utils.config_check import check_config

FOLDER = Path(__file__).parent.parent.parent / 'configs' / 'tim'
CONFIGS = sorted(FOLDER.glob('*.py'))
GUIDED = ['retinanet_ivif_demo', 'retinanet_ivif', 'retinanet_ivif-msrs', 'retinanet_ivif-m3fd',
          'retinanet_ivif-multispectral', 'resnet18_ivif', 'resnet18_ivif-mfnet', 'efficientnet_ivif-msrs']
SCHEDULE = ('train_dataloader', 'test_dataloader', 'train_cfg', 'optim_wrapper', 'param_scheduler')


@pytest.fixture
def rows(root, monkeypatch):
    """Rows by the options that make them."""
    monkeypatch.syspath_prepend(str(root / 'benchmarks'))
    return importlib.import_module('rows').TIM_ROWS


def config(name, *options):
    """Return a config of TIM's with what ``--cfg-options`` change."""
    cfg = Config.fromfile(FOLDER / f'{name}.py')
    parser = ArgumentParser()
    parser.add_argument('--cfg-options', nargs='+', action=ConfigOptions)
    cfg.merge_from_dict(parser.parse_args(['--cfg-options', *options]).cfg_options if options else {})
    return cfg


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_model_builds_and_knows_what_is_open(path):
    pytest.importorskip('mmdet')
    model = MODELS.build(Config.fromfile(path).model)
    assert bool(len(SearchSpace(model))) == ('search' in path.stem)


@pytest.mark.parametrize('name, variable, values', [
    ('fusion_search', 'DATA', ['real_fusion_tasks', 'medical_fusion_tasks']),
    ('fusion_search_demo', 'DATA', ['synthetic_fusion_tasks']),
    ('meta_init', 'DATA', ['real_fusion_tasks', 'medical_fusion_tasks']),
    ('enhance_mri_search', 'RECIPE', ['./enhance_mri-ct.py', './enhance_mri-spect.py']),
    ('search_demo', 'RECIPE', ['./resnet18_ivif_search.py']),
    ('algorithm1_neck_search', 'RECIPE', ['./algorithm1_demo.py']),
])
def test_the_environment_chooses_data_and_recipe(name, variable, values, monkeypatch):
    pytest.importorskip('mmdet')
    found = [config(name)]
    for value in values:
        monkeypatch.setenv(variable, value)
        found.append(config(name))
        check_config(found[-1])
        MODELS.build(found[-1].model)
    assert len({str(cfg.train_dataloader) for cfg in found}) == len(found)


@pytest.mark.parametrize('name, variable', [('fusion_search', 'DATA'), ('enhance_mri_search', 'RECIPE')])
def test_a_wrong_value_of_the_environment_ends_in_one_line(name, variable, monkeypatch):
    monkeypatch.setenv(variable, 'nonsense.py')
    with pytest.raises(UserError, match='nonsense') as error:
        load_config(str(FOLDER / f'{name}.py'))
    assert '\n' not in str(error.value)


def test_what_a_search_of_the_fusion_network_finds_trains_on_both_halves(monkeypatch):
    monkeypatch.setenv('DATA', 'real_fusion_tasks')
    for name, size in (('fusion_search', (64, 64)), ('fusion_search_demo', (32, 32))):
        cfg = config(name)
        found = retrain_config(cfg, Genotype.load('tim-light'), Path('work'), changes=cfg.default_hooks.export.retrain)
        tasks = found.train_dataloader.dataset.datasets
        halves = [cfg.train_dataloader.dataset.datasets,
                  [loader.dataset for loader in cfg.default_hooks.search.dataloader]]
        assert [task.get('every_nth') for task in tasks] == [None] * 4
        for k, half in enumerate(halves):
            assert [dict(task, every_nth=(k, 2)) for task in tasks] == half
        patch = next(step for task in tasks for part in task.pipeline for step in part.get('transforms', ()))
        assert patch == dict(type='RandomPatch', size=size)


@pytest.mark.parametrize('name, search', [
    (name, search) for name in ('retinanet_ivif_search', 'resnet18_ivif_search') for search in (name, 'search_demo')])
def test_splits_of_the_built_in_scenes_are_different(name, search, monkeypatch):
    monkeypatch.setenv('RECIPE', f'./{name}.py')
    cfg = config(search)
    loaders = (cfg.train_dataloader, cfg.default_hooks.search.dataloader, cfg.val_dataloader, cfg.test_dataloader)
    assert len({loader.dataset.seed for loader in loaders}) == 4
    assert len({str(loader.dataset.get('size')) for loader in loaders}) == 1


@pytest.mark.parametrize('name', GUIDED)
def test_comparison_rows_differ_in_the_scene_alone(name, rows):
    pytest.importorskip('mmdet')
    ivif = config(name)
    for row in ('visible', 'infrared', 'average', 'direct'):
        cfg = config(name, *rows[row])
        check_config(cfg)
        for key in SCHEDULE:
            assert cfg[key] == ivif[key], (row, key)
        assert cfg.model.task == ivif.model.task, row
        assert cfg.model.scene == (ivif.model.scene if row == 'direct' else dict(type='FixedFusion', rule=row))
        stages = HOOKS.build(cfg.default_hooks.guidance).stages
        # A fusion network that was not trained before learns by its own loss first; then the task alone is trained.
        assert set(stages) <= ({'task', 'scene'} if row == 'direct' else {'task'}), row
    assert HOOKS.build(ivif.default_hooks.guidance).stages[-1] == 'joint'


@pytest.mark.parametrize('name, row', [
    ('registration_ivif', 'none'), ('registration_ivif_real', 'none'), ('enhance_mri-pet', 'fusion'),
    ('enhance_ivif_real', 'fusion')])
def test_rows_of_the_fusion_network_alone_are_that_part_of_the_model(name, row, rows):
    whole, alone = config(name), config(name, *rows[row])
    check_config(alone)
    assert alone.model == whole.model.fusion
    for key in SCHEDULE:
        assert alone[key] == whole[key], key
    for key in ('val_evaluator', 'test_evaluator'):
        own = whole[key] if isinstance(whole[key], list) else [whole[key]]
        assert alone[key] == own[-1], key  # the fused image's, without that of the displacements


def test_data_roots_come_from_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv('MSRS_ROOT', str(tmp_path))
    cfg = Config.fromfile(FOLDER / 'retinanet_ivif-msrs.py')
    assert cfg.train_dataloader.dataset.data_root == str(tmp_path)
    # An empty folder ends in one message that says where was looked.
    with pytest.raises(DatasetError, match=str(tmp_path)):
        DATASETS.build(cfg.train_dataloader.dataset).full_init()


@pytest.mark.parametrize('recipe', ['algorithm1', 'algorithm1_demo'])
def test_each_link_of_algorithm_1_leaves_the_next(recipe, root, monkeypatch):
    pytest.importorskip('mmdet')
    monkeypatch.setenv('RECIPE', f'./{recipe}.py')
    search, init, neck, train = (Config.fromfile(FOLDER / f'{name}.py') for name in (
        'algorithm1_search', 'algorithm1_init', 'algorithm1_neck_search', recipe))
    weights, choices = (part.dataset for part in (neck.train_dataloader, neck.default_hooks.search.dataloader))
    assert {name for name in choices if weights.get(name) != choices[name]} == {
        'every_nth' if recipe == 'algorithm1' else 'seed'}  # the search sees no pair on both levels
    table = CostTable.load(root / search.default_hooks.search.cost.table)
    table.check(SearchSpace(MODELS.build(search.model)), 'latency_ms')
    space = SearchSpace(MODELS.build(neck.model))
    space.select(space.sample())
    exports = [cfg.default_hooks.export for cfg in (search, neck)]
    genotypes = Genotype.load('tim-light'), space.genotype()
    found, drawn = (retrain_config(cfg, genotype, Path('work'), hook.retrain_as, hook.get('retrain'))
                    for cfg, genotype, hook in zip((search, neck), genotypes, exports))
    assert MODELS.build(found.model).state_dict().keys() == MODELS.build(init.model).state_dict().keys()
    assert found.model.channels == 48
    for key in ('train_dataloader', 'train_cfg', 'optim_wrapper', 'default_hooks', 'log_processor'):
        assert found[key] == init[key], key
    assert drawn.model.scene == train.model.scene and not len(SearchSpace(MODELS.build(drawn.model)))
    for key in ('train_dataloader', 'train_cfg', 'optim_wrapper', 'param_scheduler', 'default_hooks'):
        assert drawn[key] == train[key], key


@pytest.mark.parametrize(
    'name', ['retinanet_ivif-msrs', 'efficientnet_ivif-msrs', 'retinanet_ivif_demo', 'resnet18_ivif'])
def test_sensors_fail_in_the_training_alone(name, monkeypatch):
    found = {}
    for failures in ('none', 'other', 'mixed'):
        monkeypatch.setenv('FAILURES', failures)
        cfg = Config.fromfile(FOLDER / f'{name}.py')
        found[failures] = [sum(step['type'] == 'SensorFailure' for step in loader.dataset.pipeline)
                           for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader)]
    assert found == dict(none=[0, 0, 0], other=[1, 0, 0], mixed=[6, 0, 0])
    monkeypatch.setenv('FAILURES', 'some')
    with pytest.raises(ValueError, match='FAILURES=some of the environment: it is none, other, mixed'):
        Config.fromfile(FOLDER / f'{name}.py')
