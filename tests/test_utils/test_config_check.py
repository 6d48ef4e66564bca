"""Misspelt keys are found wherever they stand, and configs that are right pass."""
from pathlib import Path

import pytest
from mmengine.config import Config

from mmfusenas.utils.config_check import ConfigError, check_config, find_problems

mmdet = pytest.importorskip('mmdet')
STOCK = Path(mmdet.__file__).parent / '.mim' / 'configs'
RETINANET = 'retinanet/retinanet_r50_fpn_1x_coco.py'

MISSPELT = {
    'train_dataloder': ({'train_dataloder': dict(batch_size=2)}, 'train_dataloader'),
    'load_form': ({'load_form': 'weights.pth'}, 'load_from'),
    'default_hooks.chekpoint': ({'default_hooks.chekpoint': dict(type='CheckpointHook')}, 'checkpoint'),
    'default_hooks.early': ({'default_hooks.early': dict(patience=3)}, 'checkpoint, '),
    'paramwise_cfg': ({'optim_wrapper.paramwise_cfg': dict(bias_lr_mul=2.0)}, 'bias_lr_mult'),
    'custom_keys': ({'optim_wrapper.paramwise_cfg': dict(custom_keys=dict(neck=dict(lr_mul=0.1)))}, 'lr_mult'),
    'train_cfg': ({'model.train_cfg.asigner': dict(type='MaxIoUAssigner')}, 'assigner'),
    'test_cfg': ({'model.test_cfg.nms_prre': 1000}, 'nms_pre'),
    'argument': ({'model.bbox_head.stacked_conv': 4}, 'stacked_convs'),
    'argument of a base': ({'model.bbox_head.anchor_generator.octave_base_scal': 4}, 'octave_base_scale'),
    'argument of a dataset': ({'train_dataloader.dataset.ann_fil': 'a.json'}, 'ann_file'),
    'argument of a transform': ({'train_pipeline_': 0, 'train_dataloader.dataset.pipeline.2.keep_ration': True},
                                'keep_ratio'),
    'argument of a hook': ({'default_hooks.logger.intervall': 1}, 'interval'),
    'argument of a loop': ({'train_cfg.max_epoch': 1}, 'max_epochs'),
    'argument of an optimizer': ({'optim_wrapper.optimizer.weight_deca': 0.1}, 'weight_decay'),
    'argument of a schedule': ({'param_scheduler.0.start_facto': 0.1}, 'start_factor'),
    'argument of a metric': ({'val_evaluator.metrics': 'bbox'}, 'metric'),
    'type': ({'model.bbox_head.type': 'RetinaHaed'}, 'RetinaHead'),
}


def stock(name: str, **changes) -> Config:
    cfg = Config.fromfile(STOCK / name)
    cfg.merge_from_dict(changes)
    return cfg


@pytest.mark.parametrize('case', MISSPELT)
def test_names_the_nearest_key(case: str) -> None:
    changes, right = MISSPELT[case]
    cfg = stock(RETINANET, **changes)
    problems = find_problems(cfg)
    assert len(problems) == 1, problems
    place = next(key for key in changes if key != 'train_pipeline_').split('.')[-1]
    assert place in problems[0] and right in problems[0]


WRONG = {
    'train_cfg.max_epochs': (0, -3, 1.5, '12', True), 'train_cfg.val_interval': (0, 'often'),
    'train_dataloader.batch_size': (0, -1, 'two'), 'val_dataloader.num_workers': (-1, 1.5),
    'default_hooks.checkpoint.interval': ('often', 1.5, 0, -2), 'default_hooks.logger.interval': ('often', ),
    'optim_wrapper.optimizer.lr': ('fast', -0.1, float('nan'), float('inf'), None),
    'optim_wrapper.optimizer.weight_decay': (-1, 'much'), 'randomness.seed': (-1, 1.5, 'x', 2 ** 32),
    'optim_wrapper.optimizer.type': (5, ), 'default_hooks.timer.type': (None, ),
}


@pytest.mark.parametrize('key, value', [(key, value) for key, values in WRONG.items() for value in values])
def test_values_that_cannot_be_meant(key: str, value: object) -> None:
    problems = find_problems(stock(RETINANET, **{key: value}))
    assert len(problems) == 1 and problems[0].startswith(f'{key} is {value!r}; it has to be '), problems


def test_values_that_can_be_meant() -> None:
    assert find_problems(stock(RETINANET, **{
        'default_hooks.checkpoint.interval': -1, 'randomness': dict(seed=None), 'train_dataloader.num_workers': 0,
        'optim_wrapper.optimizer.lr': 0, 'train_cfg.max_epochs': 1})) == []


def test_a_dataloader_takes_no_other_keys() -> None:
    problems = find_problems(stock(RETINANET, **{'train_dataloader.batchsize': 4}))
    assert problems == ['train_dataloader.batchsize: a dataloader takes no such argument; did you mean batch_size?']


def test_error_tells_all_at_once() -> None:
    cfg = stock(RETINANET, **{'model.test_cfg.nms_prre': 1, 'model.bbox_head.stacked_conv': 4})
    with pytest.raises(ConfigError) as caught:
        check_config(cfg)
    text = str(caught.value)
    assert 'model.test_cfg.nms_prre' in text and 'model.bbox_head.stacked_conv: RetinaHead takes' in text
    assert 'retinanet_r50_fpn_1x_coco.py' in text


def test_what_the_command_line_set_is_not_blamed_on_the_file() -> None:
    options = {'model.bbox_head.stacked_conv': 4}
    with pytest.raises(ConfigError, match='^--cfg-options is misspelt:\n  model.bbox_head.stacked_conv: '):
        check_config(stock(RETINANET, **options), options)
    with pytest.raises(ConfigError, match='retinanet_r50_fpn_1x_coco.py is misspelt'):
        check_config(stock(RETINANET, **options, load_form='a.pth'), options)


def test_a_metric_takes_the_images_for_as_deep_as_the_preprocessor_does() -> None:
    cfg = Config(dict(
        model=dict(type='FixedFusion', data_preprocessor=dict(bit_depth=dict(infrared=14, reference=8))),
        test_evaluator=[dict(type='FusionMetric'), dict(type='Other')]))
    problem = "test_evaluator[0]: FusionMetric has bit_depth={}, model.data_preprocessor {'infrared': 14}"
    assert any(line.startswith(problem) for line in find_problems(cfg))
    cfg.test_evaluator[0].bit_depth = dict(infrared=14)
    assert not any('bit_depth' in line for line in find_problems(cfg))
    cfg.train_dataloader = dict(dataset=dict(
        type='PairDataset', pipeline=[dict(type='SensorFailure')]))
    assert any('SensorFailure has bit_depth={}' in line for line in find_problems(cfg))
    cfg.train_dataloader.dataset.pipeline[0].bit_depth = dict(infrared=14)
    assert not any('bit_depth' in line for line in find_problems(cfg))
    cfg.train_dataloader.dataset.pipeline[0].bit_depth = 14
    assert any('bit_depth is 14; it is a dict by sensor' in line for line in find_problems(cfg))
    cfg.train_dataloader.dataset.pipeline[0] = dict(type='Mine', bit_depth=14)
    assert not any('bit_depth' in line for line in find_problems(cfg))
    cfg.test_evaluator[1].type = 'ImageQualityMetric'
    assert any('ImageQualityMetric takes references of 8 or 16 full bits' in line for line in find_problems(cfg))


def test_free_variables_pass(tmp_path: Path) -> None:
    """A variable that is far from every name of the Runner, or that the file refers to, is the author's own."""
    file = tmp_path / 'config.py'
    file.write_text(
        f"_base_ = '{STOCK / RETINANET}'\nmy_width = 64\nval_dataloder = dict(batch_size=2)\n"
        'test_dataloader = dict(dataset=dict(test_mode=True), **val_dataloder)\n')
    assert find_problems(Config.fromfile(file)) == []
    file.write_text(f"_base_ = '{STOCK / RETINANET}'\nval_dataloder = dict(batch_size=2)\n")
    assert find_problems(Config.fromfile(file)) == [
        'val_dataloder: nothing refers to this variable; did you mean val_dataloader?']


def test_wrong_scope_names_the_right_one() -> None:
    """A part of mmdet that is looked up under our scope: the message says how to write it."""
    cfg = Config(dict(default_scope='mmfusenas', model=dict(type='RetinaNet')))
    (problem,) = find_problems(cfg)
    assert "write _scope_='mmdet'" in problem and problem.startswith('model.type: RetinaNet')
    cfg = Config(dict(default_scope='mmfusenas', model=dict(type='RetinaNet', _scope_='mmdet', nek=None)))
    assert find_problems(cfg) == ['model.nek: RetinaNet takes no such argument; did you mean neck?']


def test_nested_in_a_wrapper() -> None:
    """Inside ``task=dict(_scope_='mmdet', ...)`` the keys are checked as in a config of mmdet."""
    task = stock(RETINANET).model.to_dict()
    cfg = Config(dict(default_scope='mmfusenas', model=dict(
        type='TaskGuidedDetector', scene=dict(type='FixedFusion', rule='average'), task=dict(task, _scope_='mmdet'))))
    assert find_problems(cfg) == []
    cfg.model.task.test_cfg.score_tr = 0.1
    cfg.model.scene.rul = 'average'
    assert [problem.split(':')[0] for problem in find_problems(cfg)] == [
        'model.scene.rul', 'model.task.test_cfg.score_tr']


def test_missing_package_is_named() -> None:
    cfg = Config(dict(default_scope='mmdet', model=dict(type='no_such_package.ResNet')))
    assert find_problems(cfg) == ['model.type: no_such_package.ResNet needs the package no_such_package, '
                                  'which is not installed']


SAMPLE = [
    'retinanet/retinanet_r50_fpn_1x_coco.py', 'ssd/ssd300_coco.py', 'faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py',
    'mask_rcnn/mask-rcnn_r50_fpn_1x_coco.py', 'dcnv2/faster-rcnn_r50-mdconv-c3-c5_fpn_1x_coco.py',
    'detr/detr_r50_8xb2-150e_coco.py', 'yolox/yolox_s_8xb8-300e_coco.py', 'rtmdet/rtmdet_s_8xb32-300e_coco.py',
    'vfnet/vfnet_r50_fpn_1x_coco.py', 'fpg/retinanet_r50_fpg_crop640_50e_coco.py',
]


@pytest.mark.parametrize('name', SAMPLE)
def test_stock_config_passes(name: str) -> None:
    assert find_problems(stock(name)) == []


# What the check finds in stock configs, and rightly: mmengine reads `decay_mult`, so mmseg's `wd_mult` has no effect;
# the others are names that no class has, so building these configs fails.
TRUE_FINDINGS = (
    'wd_mult', 'eval_mode', 'MOTChallengeMetrics', 'StageCascadeRPNHead', 'force_grad_on_level',
    'which is not installed')


@pytest.mark.slow
@pytest.mark.parametrize('package', ['mmdet', 'mmseg'])
def test_every_stock_config_passes(package: str) -> None:
    configs = Path(pytest.importorskip(package).__file__).parent / '.mim' / 'configs'
    alarms, count = [], 0
    for file in sorted(configs.glob('[!_]*/*.py')):
        try:
            cfg = Config.fromfile(file, import_custom_modules=False)
        except FileNotFoundError:  # its base is in a package that is not installed
            continue
        count += 1
        problems = find_problems(cfg)
        if not any(finding in problem for finding in TRUE_FINDINGS for problem in problems):
            alarms += [f'{file.name}: {problem}' for problem in problems]
    assert alarms == []
    assert count > 500
