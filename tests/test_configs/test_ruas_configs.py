"""Every config of RUAS builds and knows what it searches; the rows of its tables have one budget."""
import argparse
import importlib
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from mmfusenas.engine.hooks.genotype_export_hook import retrain_config
from mmfusenas.nas import SearchSpace
from mmfusenas.registry import MODELS
from mmfusenas.utils.command_line import ConfigOptions, read_config
from mmfusenas.utils.config_check import check_config

ROOT = Path(__file__).parent.parent.parent
FOLDER = ROOT / 'configs' / 'ruas'
ENHANCE = ('enhance', 'enhance_unpaired', 'enhance_lol', 'enhance_fivek')
SSD = ('ssd', 'ssd-darkface', 'ssd-exdark')
SEARCHES = [
    *((f'enhance_search{kind}', recipe) for kind in ('', '_global', '_independent') for recipe in ENHANCE),
    *((stem, recipe) for stem in ('ssd_search', 'ssd_task_search') for recipe in SSD), ('ssd_search_demo', 'ssd'),
    ('deeplabv3plus_search', 'deeplabv3plus'), ('deeplabv3plus_search', 'deeplabv3plus-acdc'),
    ('deeplabv3plus_search_demo', 'deeplabv3plus'), ('retinanet_search', 'retinanet')]
# Configs -> rows that are trained at one budget.
TABLES = {
    ('ssd',): ['end-to-end', 'end-to-end-scene', 'plain', 'stock', 'stock-scene', 'stock-enhanced',
               *(f'{kind}r{depth}' for kind in ('', 'stock-') for depth in (50, 101, 152))],
    ('ssd-darkface', 'ssd-exdark'): ['stock', 'stock-enhanced'],
    ('deeplabv3plus', 'deeplabv3plus-acdc'): ['plain', 'enhanced'],
    ('retinanet-msrs-night',): ['plain'],
    ('enhance',): ['joint'],
}


@pytest.fixture
def load(monkeypatch):
    """Read a config, by a recipe where it takes one, with the options of a row."""
    monkeypatch.syspath_prepend(str(ROOT / 'benchmarks'))
    rows = importlib.import_module('rows').RUAS_ROWS
    parser = argparse.ArgumentParser()
    parser.add_argument('--cfg-options', nargs='*', action=ConfigOptions, default={})

    def load(stem, recipe=None, row='ruas'):
        if recipe:
            monkeypatch.setenv('RECIPE', f'./{recipe}.py')
        else:
            monkeypatch.delenv('RECIPE', raising=False)
        options = parser.parse_args(['--cfg-options', *rows[row]]).cfg_options
        return read_config(str(FOLDER / f'{stem}.py'), options)

    return load


def part(cfg, name):
    for key in name.split('.'):
        cfg = cfg[key]
    return cfg


# Those of a hundred million weights, or of the same model as another, would take long and show nothing new.
@pytest.mark.parametrize('stem, row', [
    *((stem, 'ruas') for stem in (
        'enhance', 'enhance_bsds', 'enhance_search', 'ssd', 'ssd_search_demo', 'retinanet', 'retinanet_search',
        'deeplabv3plus', 'deeplabv3plus-acdc', 'deeplabv3plus_search_demo')),
    ('retinanet-msrs-night', 'plain'), ('ssd', 'stock-r50')])
def test_model_builds_and_knows_what_is_open(stem, row, load):
    pytest.importorskip('mmdet')
    model = MODELS.build(load(stem, row=row).model)
    assert bool(len(SearchSpace(model))) == ('search' in stem)
    assert model.stage == 'joint'


@pytest.mark.parametrize('row', ['r50', 'r101', 'r152', 'stock-r50'])
def test_a_backbone_from_scratch_learns_its_statistics(row, load):
    """mmdet's ResNet fixes them by itself, for pretrained weights."""
    backbone = load('ssd', row=row).model.task.backbone
    with torch.device('meta'):
        net = MODELS.build(dict(backbone, _scope_='mmdet'))
    net.train()
    norms = [module for module in net.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    assert norms and all(norm.training for norm in norms)


def test_every_search_is_tested_here():
    assert {stem for stem, _ in SEARCHES} == {path.stem for path in FOLDER.glob('*_search*.py')}
    assert {recipe for _, recipe in SEARCHES} == {
        path.stem for path in FOLDER.glob('*.py') if '_search' not in path.stem} - {
            'retinanet-msrs-night', 'enhance_bsds'}


@pytest.mark.parametrize('stem, recipe', SEARCHES)
def test_searches_look_at_images_that_the_weights_do_not_see(stem, recipe, load, disjoint):
    cfg, training = load(stem, recipe), load(recipe)
    check_config(cfg)
    hooks = cfg.default_hooks
    assert disjoint(cfg.train_dataloader.dataset, hooks.search.dataloader.dataset)
    assert cfg.train_dataloader.batch_size == hooks.search.dataloader.batch_size
    assert cfg.train_dataloader.dataset.type == training.train_dataloader.dataset.type
    # The cooperative search sets the stages itself.
    assert (hooks.search.type == 'CooperativeSearchHook') == ('guidance' not in hooks and 'global' not in stem)


@pytest.mark.parametrize('stem, row', [(stem, row) for stems, rows in TABLES.items() for stem in stems for row in rows])
def test_rows_of_a_table_have_one_budget(stem, row, load):
    first, other = load(stem), load(stem, row=row)
    check_config(other)
    for key in ('train_dataloader', 'test_dataloader', 'train_cfg', 'optim_wrapper', 'param_scheduler'):
        assert part(first, key) == part(other, key), key
    assert (first.model, first.default_hooks) != (other.model, other.default_hooks)


def test_searches_of_table_4_have_one_budget(load):
    for recipe in ENHANCE:
        first, *others = (load(f'enhance_search{kind}', recipe) for kind in ('', '_global', '_independent'))
        for other in others:
            for key in ('model', 'train_dataloader', 'train_cfg', 'optim_wrapper', 'param_scheduler',
                        'default_hooks.search.dataloader', 'default_hooks.search.optimizer', 'default_hooks.export'):
                assert part(first, key) == part(other, key), (recipe, key)


@pytest.mark.parametrize('stem, recipe, row', [
    ('enhance_search', 'enhance', 'ruas'), ('enhance_search_global', 'enhance', 'ruas'),
    ('enhance_search_independent', 'enhance_unpaired', 'ruas'), ('enhance_search', 'enhance_fivek', 'ruas'),
    ('ssd_search_demo', 'ssd', 'end-to-end'), ('deeplabv3plus_search', 'deeplabv3plus', 'ruas'),
    ('deeplabv3plus_search_demo', 'deeplabv3plus', 'ruas'), ('deeplabv3plus_search', 'deeplabv3plus-acdc', 'ruas'),
    ('retinanet_search', 'retinanet', 'ruas')])
def test_what_is_found_trains_as_the_published(stem, recipe, row, load, tmp_path):
    cfg = load(stem, recipe)
    space = SearchSpace(MODELS.build(cfg.model))
    export = cfg.default_hooks.export
    found = retrain_config(cfg, space.genotype(), tmp_path, export.retrain_as, export.get('retrain'))
    check_config(found)
    published = load(recipe, row=row)
    assert found.default_hooks == published.default_hooks
    for key in ('optim_wrapper', 'param_scheduler', 'train_cfg', 'train_dataloader')[:2 if 'demo' in stem else None]:
        assert found[key] == published[key], key
    assert not len(SearchSpace(MODELS.build(found.model)))


@pytest.mark.parametrize('stem, recipe, row', [
    ('ssd_search', 'ssd', 'end-to-end'), ('ssd_search', 'ssd-exdark', 'ruas'), ('ssd_task_search', 'ssd', 'plain')])
def test_a_detector_that_is_found_trains_in_the_stages_of_its_row(stem, recipe, row, load):
    export, published = load(stem, recipe).default_hooks.export, load(recipe, row=row)
    training = Config.fromfile(export.retrain_as)
    training.merge_from_dict(export.retrain)
    assert training.default_hooks == published.default_hooks


def test_lol_v2_is_asked_for_in_the_environment(monkeypatch, load):
    monkeypatch.setenv('LOL_RELEASE', 'v2-real')
    cfg = load('enhance_lol')
    assert {cfg[f'{name}_dataloader'].dataset.release for name in ('train', 'val', 'test')} == {'v2-real'}
