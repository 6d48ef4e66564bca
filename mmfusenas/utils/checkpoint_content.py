"""Content of a checkpoint, in types that load without running code."""
from __future__ import annotations

from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.logging import HistoryBuffer
from mmengine.runner import Runner

from mmfusenas.nas.genotype import Genotype, published_genotypes
from mmfusenas.utils.stored_config import as_text


def to_plain(value: Any) -> Any:
    """Return ``value`` in types that a checkpoint loads without code and, tensors aside, that JSON can hold.

    Dicts of every kind become dicts, NumPy numbers and arrays become Python numbers and lists, a class or function
    becomes its dotted name. Tensors, tuples and plain values stay.

    Example:
        >>> from mmengine.config import ConfigDict
        >>> to_plain(ConfigDict(type='SSIM', weight=np.float32(0.5)))
        {'type': 'SSIM', 'weight': 0.5}
    """
    if isinstance(value, dict):
        return {to_plain(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return tuple(to_plain(item) for item in value)
    if isinstance(value, (list, set)):
        return [to_plain(item) for item in value]
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, torch.Tensor) or value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, type) or callable(value):
        return f'{value.__module__}.{value.__qualname__}'
    return str(value)


def without_functions(value: Any) -> Any:
    """Return :func:`to_plain` of ``value`` with the functions in its dicts left out.

    Schedulers may store some (``OneCycleLR`` its annealing); on loading they keep the ones they were built with.
    """
    if isinstance(value, dict):
        return {key: without_functions(item) for key, item in value.items() if not callable(item)}
    if isinstance(value, list):
        return [without_functions(item) for item in value]
    return to_plain(value)


def plain_message_hub(message_hub: dict[str, Any]) -> dict[str, Any]:
    """Return a message hub's state with tensors in the place of its log histories, without the config's Python text."""
    histories = {}
    for name, history in message_hub['log_scalars'].items():
        values, counts = history.data
        histories[name] = dict(values=torch.from_numpy(values), counts=torch.from_numpy(counts))
    return dict(
        log_scalars=histories,
        runtime_info=to_plain({key: value for key, value in message_hub['runtime_info'].items() if key != 'cfg'}),
        resumed_keys=dict(message_hub['resumed_keys']))


def restore_histories(message_hub: dict[str, Any]) -> None:
    """Turn the tensors of :func:`plain_message_hub` back into log histories, in place; others stay as they are."""
    histories = message_hub.get('log_scalars', {})
    for name, history in histories.items():
        if isinstance(history, dict):
            histories[name] = HistoryBuffer(history['values'].cpu().numpy(), history['counts'].cpu().numpy())


def configs(runner: Runner) -> dict[str, str]:
    """Return the configs of a run as JSON: the whole (``cfg``), what rebuilds the model (``model_cfg``), and what
    prepares its input (``test_pipeline``), as far as there are any.

    MMEngine would store the whole as Python text, for others to run.

    Example:
        >>> from types import SimpleNamespace
        >>> cfg = Config(dict(model=dict(type='FixedFusion', rule='average')))
        >>> configs(SimpleNamespace(cfg=cfg, default_scope=None))['model_cfg']
        '{"type": "FixedFusion", "rule": "average"}'
    """
    content = dict(cfg=as_text(to_plain(runner.cfg.to_dict())))
    if not isinstance(runner.cfg.get('model'), dict):
        return content
    scope = runner.default_scope.scope_name if runner.default_scope is not None else None
    content['model_cfg'] = as_text(config_of_model(runner.cfg, scope))
    transforms = transforms_of_test_data(runner.cfg)
    return dict(content, test_pipeline=as_text(to_plain(transforms))) if transforms else content


def config_of_model(cfg: Config, scope: str | None) -> dict[str, Any]:
    """Return the model's part of a config as plain data, complete with data preprocessor, scope and genotypes."""
    model = _with_genotypes(to_plain(cfg['model']))
    if cfg.get('data_preprocessor') is not None:
        model.setdefault('data_preprocessor', to_plain(cfg['data_preprocessor']))
    if scope is not None:
        model.setdefault('_scope_', scope)
    return model


def _with_genotypes(value: Any) -> Any:
    """Return plain data with the content of the genotype files that it names: they do not travel with a checkpoint."""
    if isinstance(value, (list, tuple)):
        return type(value)(_with_genotypes(item) for item in value)
    if not isinstance(value, dict):
        return value
    whole = {key: _with_genotypes(item) for key, item in value.items()}
    if isinstance(whole.get('genotype'), str) and whole['genotype'] not in published_genotypes():
        whole['genotype'] = Genotype.load(whole['genotype']).to_dict()
    return whole


def transforms_of_test_data(cfg: Config) -> list[dict] | None:
    """Return the pipeline of a config's test data, None where it has none; wrappers of data sets are looked through."""
    dataset = (cfg.get('test_dataloader') or {}).get('dataset')
    while dataset and 'pipeline' not in dataset:
        dataset = dataset.get('dataset') or next(iter(dataset.get('datasets', ())), None)
    return dataset and dataset['pipeline']
