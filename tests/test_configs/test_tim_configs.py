"""Every config of TIM builds and knows what it searches."""
from argparse import ArgumentParser
from pathlib import Path

import pytest
from mmengine.config import Config

from mmfusenas.datasets.problems import DatasetError
from mmfusenas.engine.hooks.genotype_export_hook import retrain_config
from mmfusenas.nas import Genotype, SearchSpace
from mmfusenas.nas.cost_table import CostTable
from mmfusenas.registry import DATASETS, MODELS
from mmfusenas.utils.command_line import ConfigOptions

CONFIGS = sorted((Path(__file__).parent.parent.parent / 'configs' / 'tim').glob('*.py'))
BACKBONES = dict(r18='ResNet', r50='ResNet', mobilenetv2='MobileNetV2', ivif='mmfusenas.EfficientNetLite')


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_model_builds_and_knows_what_is_open(path):
    pytest.importorskip('mmdet')
    model = MODELS.build(Config.fromfile(path).model)
    assert bool(len(SearchSpace(model))) == ('search' in path.stem)


@pytest.mark.parametrize('name, backbone', BACKBONES.items())
def test_another_backbone_is_one_line(name, backbone):
    path = next(p for p in CONFIGS if p.stem in (f'retinanet_{name}_ivif', f'retinanet_{name}'))
    assert Config.fromfile(path).model.task.backbone.type == backbone
    if name != 'ivif':
        assert len(path.read_text().splitlines()) == 3  # what it is, the base, the line


def test_splits_of_the_built_in_scenes_are_different():
    cfg = Config.fromfile(next(p for p in CONFIGS if p.stem == 'retinanet_ivif_search'))
    hook = next(hook for hook in cfg.custom_hooks if hook['type'] == 'BilevelSearchHook')
    loaders = (cfg.train_dataloader, hook.dataloader, cfg.val_dataloader, cfg.test_dataloader)
    assert len({loader.dataset.seed for loader in loaders}) == 4


@pytest.mark.parametrize('family', ['retinanet_{}_demo', 'retinanet_{}', 'retinanet_{}-msrs',
                                    'retinanet_{}-multispectral', 'resnet18_{}', 'resnet18_{}-mfnet'])
def test_comparison_rows_differ_in_the_scene_alone(family):
    rows = {name: Config.fromfile(CONFIGS[0].parent / f'{family.format(name)}.py')
            for name in ('ivif', 'visible', 'infrared', 'average', 'direct')}
    ivif = rows.pop('ivif')
    for name, row in rows.items():
        for key in ('train_dataloader', 'test_dataloader', 'train_cfg', 'optim_wrapper', 'param_scheduler'):
            assert row[key] == ivif[key], (name, key)
        assert row.model.task == ivif.model.task, name


@pytest.mark.parametrize('row', ['ivif', 'visible', 'infrared', 'average', 'direct'])
def test_rows_of_a_cross_validation_are_those_of_the_configs(row):
    pytest.importorskip('mmdet')
    from cross_validation import row_options

    recipe = CONFIGS[0].parent / 'retinanet_ivif-msrs.py'
    cfg, file = Config.fromfile(recipe), Config.fromfile(CONFIGS[0].parent / f'retinanet_{row}-msrs.py')
    args = ArgumentParser()
    args.add_argument('--cfg-options', nargs='+', action=ConfigOptions)
    options = ['randomness.seed=0', *row_options(str(recipe), row)]
    cfg.merge_from_dict(args.parse_args(['--cfg-options', *options]).cfg_options)
    assert cfg.model == file.model
    stages = {stage['stage'] for hook in cfg.custom_hooks if hook.type == 'TaskGuidanceHook' for stage in hook.stages}
    assert ('joint' in stages) == (row != 'direct')


@pytest.mark.parametrize('end', ['', '_real'])
def test_pairs_out_of_register_are_the_same_with_and_without_registration(end):
    found, none = (Config.fromfile(CONFIGS[0].parent / f'registration_{row}{end}.py') for row in ('ivif', 'none'))
    assert none.model == found.model.fusion
    for key in ('train_dataloader', 'test_dataloader', 'train_cfg', 'optim_wrapper', 'param_scheduler'):
        assert none[key] == found[key], key


def test_data_roots_come_from_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv('MSRS_ROOT', str(tmp_path))
    cfg = Config.fromfile(next(p for p in CONFIGS if p.stem == 'retinanet_ivif-msrs'))
    assert cfg.train_dataloader.dataset.data_root == str(tmp_path)
    # An empty folder ends in one message that says where was looked.
    with pytest.raises(DatasetError, match=str(tmp_path)):
        DATASETS.build(cfg.train_dataloader.dataset).full_init()


def test_each_link_of_algorithm_1_leaves_the_next(root):
    pytest.importorskip('mmdet')
    search, init, neck, train = (Config.fromfile(CONFIGS[0].parent / f'algorithm1{link}.py')
                                 for link in ('_search', '_init', '_neck_search', ''))
    hook = next(hook for hook in search.custom_hooks if hook.type == 'BilevelSearchHook')
    CostTable.load(root / hook.cost.table).check(SearchSpace(MODELS.build(search.model)), 'latency_ms')
    space = SearchSpace(MODELS.build(neck.model))
    space.select(space.sample())
    exports = [next(hook for hook in cfg.custom_hooks if hook.type == 'GenotypeExportHook') for cfg in (search, neck)]
    genotypes = Genotype.load('tim-light'), space.genotype()
    found, drawn = (retrain_config(cfg, genotype, Path('work'), hook.retrain_as, hook.get('retrain'))
                    for cfg, genotype, hook in zip((search, neck), genotypes, exports))
    assert MODELS.build(found.model).state_dict().keys() == MODELS.build(init.model).state_dict().keys()
    assert found.model.channels == 48
    for key in ('train_dataloader', 'train_cfg', 'optim_wrapper', 'default_hooks', 'log_processor'):
        assert found[key] == init[key], key
    assert drawn.model.scene == train.model.scene and not len(SearchSpace(MODELS.build(drawn.model)))
    for key in ('train_dataloader', 'train_cfg', 'optim_wrapper', 'param_scheduler', 'custom_hooks', 'default_hooks'):
        assert drawn[key] == train[key], key
