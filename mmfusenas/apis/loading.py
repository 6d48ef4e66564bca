"""Models from a config and a checkpoint, from a checkpoint alone, or from a name."""
from __future__ import annotations

import logging
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config, ConfigDict
from mmengine.logging import print_log
from mmengine.model import BaseModel

from mmfusenas.core.errors import InputError, UserError
from mmfusenas.engine.hooks.bilevel_search_hook import STATE_KEY as SEARCH_KEY
from mmfusenas.nas import SearchSpace
from mmfusenas.nas.genotype import published_genotypes
from mmfusenas.registry import MODELS
from mmfusenas.utils.bounded_building import BoundedBuilding
from mmfusenas.utils.checkpoint import extract_weights, load_checkpoint, misfits
from mmfusenas.utils.checkpoint_content import config_of_model, transforms_of_test_data
from mmfusenas.utils.command_line import load_config
from mmfusenas.utils.safe_loading import use_safe_loading
from mmfusenas.utils.stock_config import set_classes
from mmfusenas.utils.stored_config import MODEL_PARTS, PIPELINE_PARTS, from_text, genotypes_named
from mmfusenas.utils.weights import checkpoint_file, weights_file


def load_model(source: str | Path | Config, checkpoint: str | Path | None = None, device: str = 'cpu') -> BaseModel:
    """Return a model with its weights, in evaluation mode.

    Weights are loaded strictly. No code runs from a checkpoint; a Python config is code, and is run. The model has
    ``dataset_meta`` (``classes``, ``palette``) and ``test_pipeline`` (the transforms of its test data, or None where
    they are not known).

    Args:
        source: Config, or config file. Without ``checkpoint``: a checkpoint of this package, which rebuilds its
            model by itself, or the name of bundled weights (``'tim-light'``).
        checkpoint: Checkpoint file, or name of bundled weights, that belongs to the config.
        device: ``'cpu'``, ``'cuda'``, ``'cuda:1'``, ... Defaults to 'cpu'.

    Raises:
        FileNotFoundError: If there is no such checkpoint, or named weights are not bundled.
        UserError: If there is no such config.
        ValueError: If the weights are of another model, or of a search that has to be derived first, or the config in
            the checkpoint names what is not registered, or there is no such device.

    Example:
        >>> model = load_model('tim-light')
        >>> type(model).__name__, model.training
        ('TIMFusion', False)
    """
    device = check_device(device)
    if checkpoint is None:
        checkpoint = _checkpoint_file(str(source))
        content = load_checkpoint(checkpoint)
        refuse_search(content, checkpoint)
        model = build_model(own_config(content, checkpoint), f'checkpoint {checkpoint}', elements(content, checkpoint))
        pipeline = own_pipeline(content, checkpoint)
    else:
        cfg = source if isinstance(source, Config) else load_config(str(source))
        content = load_checkpoint(checkpoint_file(checkpoint))
        refuse_search(content, checkpoint)
        model = build_from_config(cfg)
        pipeline = transforms_of_test_data(cfg)
    load_weights(model, content, checkpoint)
    model.dataset_meta = content.get('meta', {}).get('dataset_meta') or {}
    model.test_pipeline = pipeline
    return model.to(device).eval()


def trained_model(source: str | Path, num_classes: int) -> dict[str, Any]:
    """Return the config of a task-guided model that begins with its trained weights, for classes of one's own.

    For ``model`` in a config, see ``tools/new_config.py``. What depends on the number of classes begins anew where
    that is another one.

    Args:
        source: Name of bundled weights, or a checkpoint of this package.
        num_classes: Of the data to train on.

    Raises:
        FileNotFoundError: If there is no such checkpoint.
        ValueError: If it is the checkpoint of a search, or of a model without a task.

    Example:
        >>> model = trained_model('tim-retinanet-msrs', num_classes=2)
        >>> model['type'], model['task']['bbox_head']['num_classes']
        ('TaskGuidedDetector', 2)
    """
    path = _checkpoint_file(str(source)).absolute()
    content = load_checkpoint(path)
    refuse_search(content, path)
    model = own_config(content, path)
    if 'task' not in model:
        raise InputError(f'{source} has no task to train on with boxes or maps: it is a {model.get("type")}.')
    set_classes(model['task'], num_classes)
    return dict(model, init_cfg=dict(type='Pretrained', checkpoint=str(path)))


def input_options(model: BaseModel | None) -> str:
    """Return how a model is given its images by ``tools/infer.py``, for the command that comes next; None: a pair."""
    sensors = getattr(getattr(model, 'scene', model), 'sensors', ())
    single = '--input FOLDER' + (' --kernel FILE' if getattr(model, 'takes_kernel', False) else '')
    options = {('visible', ): single, ('guide', 'target'): '--target FOLDER --guide FOLDER'}
    return options.get(sensors, '--visible FOLDER --infrared FOLDER')


def check_device(name: str) -> torch.device:
    """Return the device.

    Raises:
        ValueError: If torch knows no such device, or it is a GPU that torch does not see.
    """
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise InputError(f'There is no device {name!r}: give cpu, cuda, or cuda:1 and so on.') from error
    seen = torch.cuda.device_count()
    if device.type == 'cuda' and (device.index or 0) >= seen:
        raise InputError(f'There is no device {name!r}: torch {torch.__version__} sees {seen or "no"} GPU here. Use '
                         f'device {"cuda:0" if seen else "cpu"}.')
    return device


def build_model(model_cfg: Mapping[str, Any], where: str, elements: int | None = None) -> BaseModel:
    """Build a model, without the pretrained weights that its config may ask for.

    Files that a part reads while it is built run no code (:func:`~mmfusenas.utils.safe_loading.use_safe_loading`).

    Args:
        model_cfg: Config of the model; its ``_scope_`` defaults to ``mmfusenas``.
        where: What to call the config in messages.
        elements: Of a config that travels in a file, the number of weights there, see :class:`BoundedBuilding`.

    Raises:
        ValueError: If a part of it is not registered, or a config of a file cannot be built.
    """
    use_safe_loading()
    # mmdet reads test_cfg by attribute, so plain dicts will not do.
    cfg = ConfigDict(deepcopy(dict(model_cfg)))
    cfg.setdefault('_scope_', 'mmfusenas')
    try:
        if elements is None:
            return MODELS.build(cfg)
        with BoundedBuilding(elements, f'model of the {where}'):
            return MODELS.build(cfg)
    except KeyError as error:
        raise InputError(
            f'The model of the {where} cannot be built: {error.args[0]} Parts from outside this package load through '
            'custom_imports: give the config that has them, together with the checkpoint.') from error
    except Exception as error:
        if elements is None or isinstance(error, ImportError) or where in str(error):
            raise
        reason = error if isinstance(error, UserError) else f'{type(error).__name__}: {error}'
        raise InputError(f'The model of the {where} cannot be built from what the file says of it ({reason}). Give '
                         'the config of its training as well.') from error


def build_from_config(cfg: Config) -> BaseModel:
    """Build the model of a config, see :func:`build_model`."""
    return build_model(config_of_model(cfg, cfg.get('default_scope')), f'config {cfg.filename}')


def own_config(content: Mapping[str, Any], path: str | Path) -> dict[str, Any]:
    """Return the model's config that travels in a checkpoint, without the pretrained weights that it may ask for.

    Raises:
        ValueError: If there is none in it, or it names what is not registered.
    """
    meta = content.get('meta')
    if not isinstance(meta, Mapping) or 'model_cfg' not in meta:
        raise InputError(f'The checkpoint {path} does not hold the config of its model: only checkpoints that '
                         'SafeCheckpointHook or tools/derive.py wrote do. Give its config file as well.')
    where = f'The model of {path} (meta.model_cfg)'
    config = from_text(meta['model_cfg'], MODEL_PARTS, where)
    if not isinstance(config, dict):
        raise InputError(f'{where} is a {type(config).__name__}; the config of a model is a dict.')
    for place, name in genotypes_named(config):
        if name.partition('#')[0] not in published_genotypes():
            raise InputError(f'{where} names the genotype {name!r} in {place}; a checkpoint holds its genotypes itself '
                             'or names published ones: no other file is read for it.')
    return config


def elements(content: Mapping[str, Any], path: str | Path) -> int:
    """Return the number of weights that a checkpoint holds: a tensor may repeat few numbers as often as it likes."""
    storages = {storage.data_ptr(): storage.nbytes() // weight.element_size()
                for weight in extract_weights(content, path).values() for storage in [weight.untyped_storage()]}
    return sum(storages.values())


def own_pipeline(content: Mapping[str, Any], path: str | Path) -> list[dict] | None:
    """Return the transforms of the test data that travel in a checkpoint, None where it has none.

    Raises:
        ValueError: If one of them is not registered.
    """
    text = content['meta'].get('test_pipeline')
    return text and from_text(text, PIPELINE_PARTS, f'The pipeline of {path} (meta.test_pipeline)')


def refuse_search(content: Mapping[str, Any], path: str | Path) -> None:
    """Raise a ValueError where a checkpoint is of a search, whose model is a supernet still."""
    # Where proxies alone were learned there is nothing left to decide.
    state = content.get(SEARCH_KEY, dict(decisions=0))
    if not isinstance(state, Mapping) or state.get('decisions', 1):
        raise InputError(f'{path} is the checkpoint of a search, which has no derived network yet. Derive it first: '
                         f'python tools/derive.py {path} --out genotype.json --checkpoint derived.pth')


def load_weights(model: BaseModel, content: Mapping[str, Any], path: str | Path) -> None:
    """Load the weights of a checkpoint strictly, and put the model in the stage that they are of.

    Raises:
        ValueError: If names or shapes differ, or a weight is not finite; with the first cases and what to do.
    """
    if len(SearchSpace(model)):
        raise InputError(f'{path}: the config builds a supernet with {len(SearchSpace(model))} open choices. Give the '
                         'config of the found network '
                         '(retrain.py in the work dir of the search), or set genotype= in it.')
    weights = extract_weights(content, path)
    found = misfits(weights, model.state_dict())
    if found:
        raise InputError(
            f'The weights of {path} do not fit {type(model).__name__}: {found}. Give the config of that '
            'training, or, for a checkpoint of this package, the checkpoint alone: it holds its own. Another genotype '
            'or another size of the network shows like this, too.')
    broken = [key for key, value in weights.items() if not torch.isfinite(value).all()]
    if broken:
        raise InputError(f'{len(broken)} weights of {path} are not finite ({", ".join(broken[:3])}): the training '
                         'broke down. Take an earlier checkpoint of it, and train with LossGuardHook.')
    model.load_state_dict(weights)
    if content.get('meta', {}).get('stage') == 'scene' and hasattr(model, 'stage'):
        model.stage = 'scene'
        print_log(f'{path} was written while the scene module alone was trained: what follows it has not learned '
                  'anything yet.', 'current', logging.WARNING)


def _checkpoint_file(source: str) -> Path:
    """Return the checkpoint that ``source`` is, or names."""
    if Path(source).suffix == '.py':
        raise InputError(f'The config {source} has no weights: give a checkpoint as well.')
    return Path(source) if Path(source).suffix in ('.pth', '.pt', '.ckpt') else weights_file(source)
