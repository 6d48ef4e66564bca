"""From a search's checkpoint to the found network."""
import json
import re

import pytest
import torch

from mmfusenas.apis.deriving import compact_checkpoint, found_genotype, found_supernet
from mmfusenas.apis.loading import build_model, load_weights, own_config
from mmfusenas.nas import Genotype, SearchSpace


def test_genotype_is_that_of_the_live_choices(search_checkpoint: dict) -> None:
    supernet = found_supernet(search_checkpoint, 's.pth')
    live = search_checkpoint['bilevel_search']['alphas']
    candidates = {name: choice.candidates for name, choice in SearchSpace(supernet).choices.items()}
    genotype = found_genotype(supernet, search_checkpoint)
    assert genotype.choices == {name: candidates[name][int(live[name].argmax())] for name in genotype.choices}
    kind = genotype.choices['scene.cells.0.type']
    assert [name for name in genotype.choices if name.startswith('scene')] == [
        'scene.cells.0.type', f'scene.cells.0.{kind}.ops.0', f'scene.cells.0.{kind}.ops.1']
    assert sum(name.startswith('task.neck') for name in genotype.choices) == 9
    assert set(genotype.parts) == {'scene', 'task.neck'}
    assert genotype.source == dict(config='', epoch=3, seed=7)


def test_exported_costs_and_source_are_kept_where_the_choices_are_the_same(search_checkpoint: dict) -> None:
    supernet = found_supernet(search_checkpoint, 's.pth')
    same = SearchSpace(supernet).genotype(dict(macs=5), dict(config='c.py'))
    search_checkpoint['genotype'] = same.to_dict()
    assert found_genotype(supernet, search_checkpoint) == same
    other = dict(same.choices, **{'scene.cells.0.type': 'other'})
    search_checkpoint['genotype'] = Genotype(other, costs=dict(macs=5)).to_dict()
    costs = found_genotype(supernet, search_checkpoint).costs
    assert costs['parameters'] == sum(p.numel() for p in SearchSpace(supernet).derive(same).parameters())


def test_compact_checkpoint_rebuilds_the_supernet_with_its_choices(search_checkpoint: dict) -> None:
    supernet = found_supernet(search_checkpoint, 's.pth')
    genotype = found_genotype(supernet, search_checkpoint)
    compact = compact_checkpoint(search_checkpoint, supernet, genotype, 's.pth')
    assert compact['meta']['dataset_meta'] == search_checkpoint['meta']['dataset_meta']
    model = build_model(own_config(compact, 'compact'), 'test')
    load_weights(model, compact['state_dict'], 'compact')
    SearchSpace(supernet).select(genotype.choices)
    pair = dict(visible=torch.rand(1, 3, 61, 83), infrared=torch.rand(1, 1, 61, 83))
    with torch.no_grad():
        torch.testing.assert_close(model.eval()(pair), supernet(pair), atol=1e-6, rtol=1e-6)
    assert sum(p.numel() for p in model.parameters()) == genotype.costs['parameters']


def test_fusion_alone_is_derived_without_parts(search_checkpoint: dict) -> None:
    config = dict(json.loads(search_checkpoint['meta']['model_cfg'])['scene'], _scope_='mmfusenas')
    model = build_model(config, 'test')
    space = SearchSpace(model)
    content = dict(meta=dict(model_cfg=json.dumps(config)), state_dict=model.state_dict(), bilevel_search=dict(
        alphas={name: choice.alpha for name, choice in space.choices.items()}, space_hash=space.hash))
    supernet = found_supernet(content, 's.pth')
    compact = compact_checkpoint(content, supernet, found_genotype(supernet, content), 's.pth')
    assert own_config(compact, 'c')['genotype']['choices']['cells.0.type'] == 'successive'
    assert not any('alpha' in name or 'multi_scale' in name for name in compact['state_dict'])


def test_a_network_that_differs_is_not_written(search_checkpoint: dict) -> None:
    supernet = found_supernet(search_checkpoint, 's.pth')
    genotype = found_genotype(supernet, search_checkpoint)
    supernet.task.bbox_head.retina_cls.register_forward_hook(lambda module, inputs, output: output * 1.01)
    with pytest.raises(RuntimeError, match='differs from the supernet by 0.0'):
        compact_checkpoint(search_checkpoint, supernet, genotype, 's.pth')


@pytest.mark.parametrize(('change', 'message'), [
    (dict(bilevel_search=None), 'is no checkpoint of a search: it holds meta, state_dict'),
    (dict(bilevel_search=dict(space_hash='0123')), 'of another search space: 0123, while'),
])  # fmt: skip
def test_other_checkpoints_are_refused(change: dict, message: str, search_checkpoint: dict) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        found_supernet({**search_checkpoint, **change}, 's.pth')
