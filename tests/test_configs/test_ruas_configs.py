"""Every config of RUAS builds and knows what it searches."""
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from mmfusenas.engine.hooks.genotype_export_hook import retrain_config
from mmfusenas.nas import SearchSpace
from mmfusenas.registry import MODELS
from mmfusenas.utils.config_check import check_config

CONFIGS = sorted((Path(__file__).parent.parent.parent / 'configs' / 'ruas').glob('*.py'))


# Those of a hundred million weights, or of the same model as another, would take long and show nothing new.
@pytest.mark.parametrize('stem', [
    'enhance', 'enhance_search', 'ssd', 'ssd_search_demo', 'retinanet_plain-msrs-night', 'retinanet',
    'retinanet_search', 'deeplabv3plus', 'deeplabv3plus-acdc', 'deeplabv3plus_search_demo'])
def test_model_builds_and_knows_what_is_open(stem):
    pytest.importorskip('mmdet')
    model = MODELS.build(Config.fromfile(next(path for path in CONFIGS if path.stem == stem)).model)
    assert bool(len(SearchSpace(model))) == ('search' in stem)
    assert model.stage == 'joint'


@pytest.mark.parametrize('stem', ['ssd_r50', 'ssd_r101', 'ssd_r152', 'ssd_stock_r50'])
def test_a_backbone_from_scratch_learns_its_statistics(stem):
    """mmdet's ResNet fixes them by itself, for pretrained weights."""
    backbone = Config.fromfile(CONFIGS[0].parent / f'{stem}.py').model.task.backbone
    with torch.device('meta'):
        net = MODELS.build(dict(backbone, _scope_='mmdet'))
    net.train()
    norms = [module for module in net.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    assert norms and all(norm.training for norm in norms)


def test_searches_look_at_pictures_that_the_weights_do_not_see(disjoint):
    for path in CONFIGS:
        cfg = Config.fromfile(path)
        for hook in cfg.custom_hooks:
            if hook['type'].endswith('SearchHook') and not hook.get('begin'):  # else it only lets a supernet run
                assert disjoint(cfg.train_dataloader.dataset, hook.dataloader.dataset), path


def part(cfg, name):
    for key in name.split('.'):
        cfg = cfg[key]
    return cfg


def test_rows_of_a_table_have_one_budget():
    rows = {path.stem: Config.fromfile(path) for path in CONFIGS}
    for stems in (('ssd', 'ssd_end-to-end', 'ssd_end-to-end-scene', 'ssd_plain', 'ssd_stock', 'ssd_stock-scene',
                   'ssd_enhanced', *(f'ssd{kind}_r{depth}' for kind in ('', '_stock') for depth in (50, 101, 152))),
                  ('ssd-darkface', 'ssd_stock-darkface', 'ssd_enhanced-darkface'),
                  ('ssd-exdark', 'ssd_stock-exdark', 'ssd_enhanced-exdark'),
                  ('deeplabv3plus-acdc', 'deeplabv3plus_plain-acdc', 'deeplabv3plus_enhanced-acdc'),
                  ('retinanet-msrs-night', 'retinanet_plain-msrs-night'),
                  ('deeplabv3plus', 'deeplabv3plus_plain', 'deeplabv3plus_enhanced'),
                  *((f'enhance_search{kind}{data}' for kind in ('', '_global', '_independent'))
                    for data in ('', '_unpaired', '_fivek')),
                  *((f'enhance{kind}{data}' for kind in ('', '_supernet')) for data in ('_unpaired', '_fivek'))):
        stems = list(stems)
        for key in ('train_dataloader', 'test_dataloader', 'train_cfg.max_epochs', 'optim_wrapper', 'param_scheduler'):
            assert len({str(part(rows[stem], key)) for stem in stems}) == 1, (stems, key)


@pytest.mark.parametrize('stem', [
    'enhance_search', 'enhance_search_global', 'enhance_search_unpaired', 'enhance_search_fivek',
    'ssd_search_demo', 'deeplabv3plus_search', 'deeplabv3plus_search_demo', 'deeplabv3plus-acdc_search',
    'retinanet_search'])
def test_what_is_found_trains_as_the_published(stem, tmp_path):
    cfg = Config.fromfile(next(path for path in CONFIGS if path.stem == stem))
    space = SearchSpace(MODELS.build(cfg.model))
    export = next(hook for hook in cfg.custom_hooks if hook['type'] == 'GenotypeExportHook')
    found = retrain_config(cfg, space.genotype(), tmp_path, export['retrain_as'], export.get('retrain'))
    check_config(found)
    plain = stem.split('_search')[0] + next((data for data in ('_unpaired', '_fivek') if data in stem), '')
    name = {'ssd_search_demo': 'ssd_end-to-end'}.get(stem, plain)
    published = Config.fromfile(next(path for path in CONFIGS if path.stem == name))
    assert [hook['type'] for hook in found.custom_hooks] == [hook['type'] for hook in published.custom_hooks]
    for key in ('optim_wrapper', 'param_scheduler', 'train_cfg', 'train_dataloader')[:1 if 'demo' in stem else None]:
        assert found[key] == published[key], key
    assert not len(SearchSpace(MODELS.build(found.model)))
