"""Every config of the Hadamard and of the hyper-guided system builds and knows what it searches."""
from pathlib import Path

import pytest
from mmengine.config import Config

from mmfusenas.nas import SearchSpace
from mmfusenas.registry import DATASETS, MODELS

ROOT = Path(__file__).parent.parent.parent / 'configs'
CONFIGS = sorted([*(ROOT / 'hadamard').glob('*.py'), *(ROOT / 'hyperguidance').glob('*.py')])


@pytest.mark.parametrize('stem', ['lowlight', 'lowlight_search', 'quality_haze', 'underwater-uieb', 'deblur_bilevel',
                                  'deblur_joint', 'deblur_none', 'derain', 'dehaze-reside'])
def test_model_builds_and_knows_what_is_open(stem):
    model = MODELS.build(Config.fromfile(next(path for path in CONFIGS if path.stem == stem)).model)
    space = SearchSpace(model)
    assert bool(len(space)) == ('search' in stem)
    assert len(space.proxies) == (5 if stem in ('deblur_bilevel', 'deblur_joint', 'derain', 'dehaze-reside') else 0)


@pytest.mark.parametrize('path', [path for path in CONFIGS if path.stem.endswith('_search')], ids=lambda p: p.stem)
def test_a_search_takes_the_last_checkpoint_of_its_classifier(path, monkeypatch):
    monkeypatch.delenv('QUALITY', raising=False)
    hook = next(hook for hook in Config.fromfile(path).custom_hooks if hook.type == 'BilevelSearchHook')
    quality = path.with_stem('quality_' + path.stem.removesuffix('_search'))
    steps = Config.fromfile(quality).train_cfg.max_iters
    assert hook.phases[0].losses[0].checkpoint == f'work_dirs/{quality.stem}/iter_{steps}.pth'


@pytest.mark.parametrize('stem', ['lowlight', 'haze', 'deblur_bilevel', 'denoise_bilevel', 'derain', 'dehaze'])
def test_built_in_data_fit_the_model(stem):
    """A batch of the training data gives a loss, one of the test data a prediction and scores."""
    from mmengine.dataset import pseudo_collate
    cfg = Config.fromfile(next(path for path in CONFIGS if path.stem == stem))
    if 'net' in cfg.model:
        cfg.model.net = dict(type='HadamardNet', channels=4, num_units=1, genotype=None)
    else:
        cfg.model.stage.denoiser = dict(type='DilatedDenoiser', channels=4, dilations=(1, 1))
    model = MODELS.build(cfg.model)
    SearchSpace(model).relax()
    data = DATASETS.build(dict(cfg.train_dataloader.dataset, length=2))
    batch = model.data_preprocessor(pseudo_collate([data[0], data[1]]), True)
    assert model.parse_losses(model(**batch, mode='loss'))[0].requires_grad
    data = DATASETS.build(dict(cfg.test_dataloader.dataset, length=1))
    packed = pseudo_collate([data[0]])
    from mmfusenas.registry import METRICS
    evaluators = cfg.test_evaluator if isinstance(cfg.test_evaluator, list) else [cfg.test_evaluator]
    model.eval()
    samples = [sample.to_dict() for sample in model.test_step(pseudo_collate([data[0]]))]
    for evaluator in evaluators:
        metric = METRICS.build(evaluator)
        metric.process(packed, samples)
        assert all(value == value for value in metric.compute_metrics(metric.results).values())


def test_rows_to_compare_have_one_budget():
    for task in ('deblur', 'deblur-bsds'):
        rows = [Config.fromfile(ROOT / f'hyperguidance/{task}_{row}.py') for row in ('none', 'joint', 'bilevel')]
        for key in ('train_dataloader', 'train_cfg', 'optim_wrapper', 'param_scheduler', 'test_dataloader'):
            assert rows[0][key] == rows[1][key] == rows[2][key], (task, key)


def test_searches_look_at_pictures_that_the_weights_do_not_see(disjoint):
    for path in CONFIGS:
        if path.stem.endswith('_search'):
            cfg = Config.fromfile(path)
            lower, upper = cfg.train_dataloader.dataset, cfg.custom_hooks[1].dataloader.dataset
            assert disjoint(lower, upper), path
            assert lower.get('leave_out') == upper.get('leave_out')
