"""Every form of the Hadamard and of the hyper-guided configs builds and knows what it searches."""
from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.dataset import pseudo_collate

from mmfusenas.core.errors import UserError
from mmfusenas.engine.hooks.genotype_export_hook import retrain_config
from mmfusenas.nas import SearchSpace
from mmfusenas.registry import DATASETS, METRICS, MODELS
from mmfusenas.utils.command_line import load_config
from mmfusenas.utils.config_check import check_config

ROOT = Path(__file__).parent.parent.parent / 'configs'
DATA = dict(lowlight=['synthetic', 'lol', 'fivek', 'bsds', 'msrs'], haze=['synthetic', 'reside'], underwater=['uieb'])
IMAGES = [(recipe, data) for recipe, names in DATA.items() for data in names]
ROWS = ['none', 'constant', 'true', 'end-to-end', 'joint', 'bilevel']
FORMS = [*(('hadamard', config, dict(RECIPE=f'./{recipe}.py', DATA=data)) for recipe, data in IMAGES
           for config in (recipe, 'quality', 'search')),
         *(('hyperguidance', 'deblur', dict(GUIDANCE=row, DATA=data)) for row in ROWS
           for data in ('synthetic', 'bsds', 'levin')),
         *(('hyperguidance', config, dict(GUIDANCE=row)) for row in ROWS
           for config in ('denoise', 'deblur_small', 'deblur_levin-real')),
         *(('hyperguidance', config, dict(DATA=data)) for config, data in (
             ('derain', 'synthetic'), ('derain', 'rain100'), ('dehaze', 'synthetic'), ('dehaze', 'reside')))]


@pytest.fixture(autouse=True)
def read(monkeypatch):
    """A config as what is set in the environment makes it."""
    for name in ('RECIPE', 'DATA', 'QUALITY', 'GUIDANCE', 'TEST_NOISE'):
        monkeypatch.delenv(name, raising=False)

    def read(folder, config, **environment):
        with monkeypatch.context() as context:
            for name, value in environment.items():
                context.setenv(name, value)
            return Config.fromfile(ROOT / folder / f'{config}.py')

    return read


@pytest.mark.parametrize('folder, config, environment', FORMS, ids=str)
def test_every_form_is_free_of_typos(folder, config, environment, read):
    check_config(read(folder, config, **environment))


@pytest.mark.parametrize('folder, config, environment, opened, proxies', [
    ('hadamard', 'lowlight', {}, False, 0), ('hadamard', 'search', {}, True, 0),
    ('hadamard', 'search', dict(RECIPE='./haze.py'), True, 0),
    ('hadamard', 'quality', dict(RECIPE='./haze.py'), False, 0), ('hadamard', 'underwater', {}, False, 0),
    *(('hyperguidance', 'deblur', dict(GUIDANCE=row), False, 0 if row in ROWS[:3] else 5) for row in ROWS),
    ('hyperguidance', 'deblur_small', {}, False, 3), ('hyperguidance', 'denoise', {}, False, 5),
    ('hyperguidance', 'derain', {}, False, 5), ('hyperguidance', 'dehaze', dict(DATA='reside'), False, 5)], ids=str)
def test_model_builds_and_knows_what_is_open(folder, config, environment, opened, proxies, read):
    space = SearchSpace(MODELS.build(read(folder, config, **environment).model))
    assert (bool(len(space)), len(space.proxies)) == (opened, proxies)


@pytest.mark.parametrize('recipe, data', IMAGES)
def test_a_search_is_of_the_recipe(recipe, data, read, disjoint, tmp_path):
    """The last checkpoint of the recipe's classifier, images that the weights do not see, the recipe in the end."""
    environment = dict(RECIPE=f'./{recipe}.py', DATA=data)
    plain, quality, search = (read('hadamard', name, **environment) for name in (recipe, 'quality', 'search'))
    hook = search.default_hooks.search
    ending = '' if recipe == 'underwater' else f'-{data}'
    assert hook.phases.loss.losses[0].checkpoint == (
        f'work_dirs/quality_{recipe}{ending}/iter_{quality.train_cfg.max_iters}.pth')
    named = read('hadamard', 'search', **environment, QUALITY='other.pth')
    assert named.default_hooks.search.phases.loss.losses[0].checkpoint == 'other.pth'
    assert search.train_dataloader.batch_size == hook.dataloader.batch_size == 4
    period, = search.param_scheduler
    assert period.periods == [hook.phases.loss.end, search.train_cfg.max_epochs - hook.phases.loss.end], 'one a phase'
    lower, upper = search.train_dataloader.dataset, hook.dataloader.dataset
    assert disjoint(lower, upper) and lower.get('except_nth') == upper.get('except_nth')
    assert quality.train_dataloader == plain.train_dataloader
    found = retrain_config(search, SearchSpace(MODELS.build(search.model)).genotype(), tmp_path,
                           changes=search.default_hooks.export.retrain)
    check_config(found)
    assert found.train_dataloader.dataset.pop('every_nth', None) is None
    for key in ('train_dataloader', 'test_dataloader', 'train_cfg', 'optim_wrapper', 'param_scheduler',
                'test_evaluator'):
        assert found[key] == plain[key], key
    assert not {'search', 'export'} & set(found.default_hooks)


@pytest.mark.parametrize('folder, config', [
    ('hadamard', 'lowlight'), ('hadamard', 'haze'),
    *(('hyperguidance', config) for config in ('deblur', 'denoise', 'derain', 'dehaze'))])
def test_built_in_data_fit_the_model(folder, config, read):
    """A batch of the training data gives a loss, one of the test data a prediction and scores."""
    cfg = read(folder, config)
    if 'net' in cfg.model:
        cfg.model.net = dict(type='HadamardNet', channels=4, num_units=1, genotype=None)
    else:
        cfg.model.stage.denoiser = dict(type='DilatedDenoiser', channels=4, dilations=(1, 1))
    model = MODELS.build(cfg.model)
    SearchSpace(model).relax()
    data = DATASETS.build(dict(cfg.train_dataloader.dataset, length=2))
    batch = model.data_preprocessor(pseudo_collate([data[0], data[1]]), True)
    assert model.parse_losses(model(**batch, mode='loss'))[0].requires_grad
    packed = pseudo_collate([DATASETS.build(dict(cfg.test_dataloader.dataset, length=1))[0]])
    samples = [sample.to_dict() for sample in model.eval().test_step(packed)]
    for evaluator in cfg.test_evaluator if isinstance(cfg.test_evaluator, list) else [cfg.test_evaluator]:
        metric = METRICS.build(evaluator)
        metric.process(packed, samples)
        assert all(value == value for value in metric.compute_metrics(metric.results).values())


@pytest.mark.parametrize('config, data', [('deblur', 'synthetic'), ('deblur', 'bsds'), ('deblur_small', 'bsds')])
def test_rows_of_guidance_differ_in_nothing_but_the_proxies(config, data, read):
    rows = {row: read('hyperguidance', config, GUIDANCE=row, DATA=data) for row in ROWS}
    for key in ('train_dataloader', 'train_cfg', 'optim_wrapper', 'param_scheduler', 'test_dataloader'):
        assert all(rows[row][key] == rows['none'][key] for row in ROWS), key
    hooks = {row: cfg.default_hooks.get('proxies') for row, cfg in rows.items()}
    upper = {row: hook and [getattr(loss, 'type', loss) for loss in hook.phases.proxies.losses]
             for row, hook in hooks.items()}
    assert upper == {**dict.fromkeys(ROWS[:3]), 'end-to-end': ['model'], 'joint': ['model'],
                     'bilevel': ['GuidanceLoss']}
    assert [row for row, cfg in rows.items() if cfg.model.get('guidance_loss')] == ['joint']


@pytest.mark.parametrize('config, environment, expected', [
    ('deblur', {}, (0.01, 0.05)), ('deblur', dict(TEST_NOISE='0.02'), (0.02, 0.02)),
    ('denoise', dict(TEST_NOISE='0.02'), (0.02, 0.02)), ('deblur_small', dict(TEST_NOISE='0.02'), (0.02, 0.02)),
    ('deblur', dict(DATA='bsds', TEST_NOISE='0.02,0.03'), (0.02, 0.03)), ('deblur', dict(DATA='levin'), (0.01, 0.01)),
    ('deblur', dict(DATA='levin', TEST_NOISE='0.02'), (0.02, 0.02))], ids=str)
def test_the_noise_is_that_of_a_test_alone(config, environment, expected, read):
    cfg = read('hyperguidance', config, **environment)
    noise, = (step.noise for step in cfg.test_dataloader.dataset.pipeline if step.type == 'BlurAndNoise')
    assert noise == expected
    assert not any('noise' in step for part in ('train', 'val') for step in cfg[f'{part}_dataloader'].dataset.pipeline)


@pytest.mark.parametrize('variable, value, missing', [
    ('DATA', 'lowl', 'lowl_haze.py'), ('RECIPE', './hase.py', 'hase.py')])
def test_what_is_not_there_is_said(variable, value, missing, monkeypatch):
    monkeypatch.setenv('RECIPE', './haze.py')
    monkeypatch.setenv(variable, value)
    with pytest.raises(UserError, match=f'cannot be read: FileNotFoundError: .*{missing}'):
        load_config(str(ROOT / 'hadamard/search.py'))
