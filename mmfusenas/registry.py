"""Registries of the scope ``mmfusenas``: children of MMEngine's, and three roots of our own.

A part registered here is found by any OpenMMLab config as ``type='mmfusenas.Name'``, or as ``type='Name'``
under ``default_scope = 'mmfusenas'``; parts of mmengine, mmcv, mmdet and mmseg are found from here likewise.

Example:
    >>> from mmfusenas.registry import SEARCH_STRATEGIES
    >>> SEARCH_STRATEGIES.build(dict(type='ImplicitGaussNewton')).__module__
    'mmfusenas.nas.hypergrad.implicit_gauss_newton'
"""
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, distribution

from mmengine import registry as _root
from mmengine.config.utils import MODULE2PACKAGE
from mmengine.registry import Registry

# So that configs of other projects may begin with `_base_ = 'mmfusenas::...'`.
MODULE2PACKAGE['mmfusenas'] = 'mmfusenas'
with suppress(PackageNotFoundError):  # the fork's mmengine looks for `mmseg::` in a package of the original's name
    distribution('onedl-mmsegmentation')
    MODULE2PACKAGE['mmseg'] = 'mmseg'


def _child(name: str, parent: Registry, *locations: str) -> Registry:
    return Registry(name, parent=parent, scope='mmfusenas', locations=[f'mmfusenas.{place}' for place in locations])


RUNNERS = _child('runner', _root.RUNNERS, 'engine')
RUNNER_CONSTRUCTORS = _child('runner constructor', _root.RUNNER_CONSTRUCTORS, 'engine')
LOOPS = _child('loop', _root.LOOPS, 'engine')
HOOKS = _child('hook', _root.HOOKS, 'engine')
LOG_PROCESSORS = _child('log_processor', _root.LOG_PROCESSORS, 'engine')
OPTIMIZERS = _child('optimizer', _root.OPTIMIZERS, 'engine')
OPTIM_WRAPPERS = _child('optim_wrapper', _root.OPTIM_WRAPPERS, 'engine')
OPTIM_WRAPPER_CONSTRUCTORS = _child('optimizer constructor', _root.OPTIM_WRAPPER_CONSTRUCTORS, 'engine')
PARAM_SCHEDULERS = _child('parameter scheduler', _root.PARAM_SCHEDULERS, 'engine')
DATASETS = _child('dataset', _root.DATASETS, 'datasets', 'scenes')
DATA_SAMPLERS = _child('data sampler', _root.DATA_SAMPLERS, 'datasets')
TRANSFORMS = _child('transform', _root.TRANSFORMS, 'datasets')
MODELS = _child('model', _root.MODELS, 'models')
MODEL_WRAPPERS = _child('model_wrapper', _root.MODEL_WRAPPERS, 'models')
WEIGHT_INITIALIZERS = _child('weight initializer', _root.WEIGHT_INITIALIZERS, 'models')
TASK_UTILS = _child('task util', _root.TASK_UTILS, 'models')
METRICS = _child('metric', _root.METRICS, 'evaluation')
EVALUATOR = _child('evaluator', _root.EVALUATOR, 'evaluation')
VISUALIZERS = _child('visualizer', _root.VISUALIZERS, 'visualization')
VISBACKENDS = _child('vis_backend', _root.VISBACKENDS, 'visualization')

# What only a search has: candidate operators of a choice, cells made of choices, hyper-gradients.
OPERATORS = Registry('operator', scope='mmfusenas', locations=['mmfusenas.models'])
CELLS = Registry('cell', scope='mmfusenas', locations=['mmfusenas.models'])
SEARCH_STRATEGIES = Registry('search strategy', scope='mmfusenas', locations=['mmfusenas.engine'])
