"""Registries of the scope ``mmfusenas``: children of MMEngine's, and three roots of our own.

A part registered here is found by any OpenMMLab config as ``type='mmfusenas.Name'``, or as ``type='Name'``
under ``default_scope = 'mmfusenas'``; parts of mmengine, mmcv, mmdet and mmseg are found from here likewise.

Example:
    >>> from mmfusenas.registry import SEARCH_STRATEGIES
    >>> strategy = SEARCH_STRATEGIES.build(dict(type='ImplicitGaussNewton'))
"""
from mmengine import registry as _root
from mmengine.registry import Registry


def _child(name: str, parent: Registry, location: str) -> Registry:
    return Registry(name, parent=parent, scope='mmfusenas', locations=[f'mmfusenas.{location}'])


MODELS = _child('model', _root.MODELS, 'models')
DATASETS = _child('dataset', _root.DATASETS, 'datasets')
TRANSFORMS = _child('transform', _root.TRANSFORMS, 'datasets')
DATA_SAMPLERS = _child('data sampler', _root.DATA_SAMPLERS, 'datasets')
HOOKS = _child('hook', _root.HOOKS, 'engine')
LOOPS = _child('loop', _root.LOOPS, 'engine')
OPTIM_WRAPPERS = _child('optim_wrapper', _root.OPTIM_WRAPPERS, 'engine')
METRICS = _child('metric', _root.METRICS, 'evaluation')
VISUALIZERS = _child('visualizer', _root.VISUALIZERS, 'visualization')

# What only a search has: candidate operators of a choice, cells made of choices, hyper-gradients.
OPERATORS = Registry('operator', scope='mmfusenas', locations=['mmfusenas.models'])
CELLS = Registry('cell', scope='mmfusenas', locations=['mmfusenas.models'])
SEARCH_STRATEGIES = Registry('search strategy', scope='mmfusenas', locations=['mmfusenas.nas'])
