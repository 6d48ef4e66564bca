"""From the checkpoint of a search to the network that it found."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from mmengine.config import Config
from mmengine.model import BaseModel
from torch import Tensor

from mmfusenas.apis.loading import build_model, elements, load_weights, own_config, own_pipeline
from mmfusenas.core.errors import InputError, StateError
from mmfusenas.engine.hooks.bilevel_search_hook import STATE_KEY as SEARCH_KEY
from mmfusenas.nas import Genotype, SearchSpace, with_genotype
from mmfusenas.utils.checkpoint import extract_weights, misfits
from mmfusenas.utils.checkpoint_content import config_of_model, to_plain, transforms_of_test_data
from mmfusenas.utils.complexity import complexity
from mmfusenas.utils.sensors import random_inputs
from mmfusenas.utils.stored_config import as_text

KEPT = ('dataset_meta', 'stage', 'epoch', 'iter', 'seed')
"""What a checkpoint of weights alone keeps of the meta information of its training."""
CHECK_SIZE = 320
"""Rows and columns of the image on which a derived network is compared; SSD300 takes no smaller one."""


def with_own_config(content: Mapping[str, Any], cfg: Config) -> dict[str, Any]:
    """Return a checkpoint with the configs of its model and of its test data, taken from ``cfg`` where it has none.

    It has none where the Runner was given a model object, or mmengine's own hook wrote it.

    Args:
        content: The checkpoint.
        cfg: Config of the search.

    Example:
        >>> cfg = Config(dict(model=dict(type='FixedFusion', rule='average')))
        >>> with_own_config(dict(meta=dict(epoch=3)), cfg)['meta']
        {'epoch': 3, 'model_cfg': '{"type": "FixedFusion", "rule": "average"}'}
    """
    meta = content.get('meta')
    if isinstance(meta, Mapping) and 'model_cfg' in meta:
        return dict(content)
    meta = dict(meta or {}, model_cfg=as_text(config_of_model(cfg, cfg.get('default_scope'))))
    pipeline = transforms_of_test_data(cfg)
    return dict(content, meta=dict(meta, test_pipeline=as_text(to_plain(pipeline))) if pipeline else meta)


def found_supernet(content: Mapping[str, Any], path: str) -> BaseModel:
    """Return the supernet of a search's checkpoint, with its weights and with the live choices.

    Args:
        content: Checkpoint of a search. Its weights may be averages (EMA); the live choices are kept beside them, or
            the genotype of the best path, where paths were searched.
        path: Its file, for messages.

    Raises:
        ValueError: If it is no checkpoint of a search, or of one that decides nothing, or its space is not the one
            that this package builds.
    """
    states = [content.get(SEARCH_KEY), content.get('genotype')]
    state = next((state for state in states if isinstance(state, Mapping) and state), None)
    if state is None:
        held = ', '.join([*map(str, list(content)[:5]), *['...'] * (len(content) > 5)])
        raise InputError(f'{path} is no checkpoint of a search: it holds {held}, but neither {SEARCH_KEY!r} nor '
                         "'genotype', which a search puts there. Give epoch_N.pth of its work dir.")
    if not isinstance(state.get('space_hash'), str):
        raise InputError(f'{path} is damaged: what its search left ({SEARCH_KEY} or genotype) has no space_hash. Take '
                         'another checkpoint of its work dir.')
    if not state.get('decisions', 1):
        raise InputError(f'{path} has no choices to derive: what its upper level learned, proxies, is among its '
                         f'weights. Use it as it is: tools/test.py, or tools/infer.py --model {path}.')
    supernet = build_model(own_config(content, path), f'checkpoint {path}', elements(content, path))
    space = SearchSpace(supernet)
    if space.hash != state['space_hash']:
        raise InputError(f'{path} is of another search space: {state["space_hash"]}, while its config builds the space '
                         f'{space.hash} here. Derive it with the package and the custom parts that searched.')
    weights = extract_weights(content, path)
    found = misfits(weights, supernet.state_dict())
    if found:
        raise InputError(f'The weights of {path} do not fit the supernet of its config: {found}. Take another '
                         'checkpoint of its work dir.')
    supernet.load_state_dict(weights)
    if state is content.get(SEARCH_KEY):
        _load_alphas(space, state.get('alphas'), path)
    else:
        space.select(_genotype_in(content, path).choices)
    return supernet.eval()


def _load_alphas(space: SearchSpace, alphas: Any, path: str) -> None:
    """Load what a search learned of its choices, once it is known to be complete."""
    plain = isinstance(alphas, Mapping) and all(isinstance(value, Tensor) for value in alphas.values())
    found = misfits(alphas, space.alphas()) if plain else 'they are no tensors by name'
    if found:
        raise InputError(f'The choices that {path} learned ({SEARCH_KEY}.alphas) do not fit its space: {found}. Take '
                         'another checkpoint of its work dir.')
    broken = [name for name, value in alphas.items() if not torch.isfinite(value).all()]
    if broken:
        raise InputError(f'{len(broken)} of the choices that {path} learned are not finite ({", ".join(broken[:3])}): '
                         'the search broke down. Take an earlier checkpoint of it.')
    space.load_alphas(alphas)


def _genotype_in(content: Mapping[str, Any], path: str) -> Genotype:
    return Genotype.from_dict(content['genotype'], f'The genotype in {path}')


def found_genotype(supernet: BaseModel, content: Mapping[str, Any],
                   path: str = 'a checkpoint') -> Genotype:
    """Return the genotype of the live choices, with the costs and the source that the checkpoint knows.

    Args:
        supernet: Of :func:`found_supernet`.
        content: Checkpoint of the search.
        path: Its file, for messages.

    Raises:
        ValueError: The genotype in it is none.
    """
    space = SearchSpace(supernet)
    exported = _genotype_in(content, path) if 'genotype' in content else None
    live = space.genotype()
    if exported and (exported.choices, exported.weights) == (live.choices, live.weights):
        return space.genotype(exported.costs, exported.source)
    meta = content.get('meta', {})
    costs = complexity(space.derive(live))
    return space.genotype(costs, dict(config='', epoch=meta.get('epoch'), seed=meta.get('seed')))


def compact_checkpoint(content: Mapping[str, Any], supernet: BaseModel, genotype: Genotype,
                       path: str) -> dict[str, Any]:
    """Return a checkpoint of the found network with the weights of the supernet; it rebuilds its model by itself.

    Before, the network is rebuilt from it and compared with the supernet on a random image.

    Args:
        content: Checkpoint of the search.
        supernet: Of :func:`found_supernet`.
        genotype: Of :func:`found_genotype`.
        path: File of the checkpoint, for messages.

    Raises:
        RuntimeError: If the rebuilt network is not the supernet with these choices.
    """
    model_cfg = with_genotype(own_config(content, path), genotype)
    weights = SearchSpace(supernet).derive(genotype).state_dict()
    rebuilt = build_model(model_cfg, 'derived network')
    load_weights(rebuilt, weights, 'the derived network')
    SearchSpace(supernet).select(genotype.choices)
    difference = largest_difference(supernet, rebuilt.eval())
    if not difference <= 1e-5:  # of networks that give no numbers, too
        raise StateError(f'The derived network differs from the supernet by {difference:g} (relative) on a random '
                         'image, so nothing was written. Does a custom part behave differently with genotype=?')
    return dict(meta=kept_meta(content, model_cfg, path), state_dict=weights, genotype=genotype.to_dict())


def kept_meta(content: Mapping[str, Any], model_cfg: dict[str, Any], path: str) -> dict[str, Any]:
    """Return the meta information of a checkpoint of weights alone: :data:`KEPT`, and what rebuilds the model.

    Args:
        content: Checkpoint that it is made from.
        model_cfg: Config of the model.
        path: File of the checkpoint, for messages.

    Raises:
        ValueError: If its pipeline names what is not registered, which is not passed on.
    """
    kept = {key: content['meta'][key] for key in KEPT if key in content['meta']}
    pipeline = own_pipeline(content, path)
    return dict(kept, model_cfg=as_text(model_cfg), **(dict(test_pipeline=as_text(pipeline)) if pipeline else {}))


@torch.no_grad()
def largest_difference(first: BaseModel, second: BaseModel) -> float:
    """Return the largest difference of two networks' raw outputs on a random pair, over the largest output."""
    inputs = random_inputs(first, (CHECK_SIZE, CHECK_SIZE))
    pairs = list(zip(_tensors(first(inputs)), _tensors(second(inputs)), strict=True))
    return float(torch.stack([(a - b).abs().max() / a.abs().max().clamp(min=1e-12) for a, b in pairs]).max())


def _tensors(outputs: Any) -> list[Tensor]:
    """Return the tensors of nested lists and tuples, in order."""
    return [outputs] if isinstance(outputs, Tensor) else [tensor for item in outputs for tensor in _tensors(item)]
