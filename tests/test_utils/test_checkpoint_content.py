"""What goes into a checkpoint is plain."""
import json
from types import SimpleNamespace

import numpy as np
import torch
from mmengine.config import Config, ConfigDict
from mmengine.logging import MessageHub
from torch import nn

from mmfusenas.nas import Genotype
from mmfusenas.utils.checkpoint_content import (
    configs,
    plain_message_hub,
    restore_histories,
    to_plain,
    without_functions,
)


def test_to_plain():
    tensor = torch.ones(2)
    plain = to_plain(ConfigDict(type=nn.Conv2d, weight=np.float32(0.5), sizes=(np.int64(1), [True, None]), t=tensor,
                                array=np.arange(2), names={'a'}))
    assert type(plain) is dict and plain.pop('t') is tensor
    assert plain == dict(type='torch.nn.modules.conv.Conv2d', weight=0.5, sizes=(1, [True, None]), array=[0, 1],
                         names=['a'])
    assert [type(item) for item in (plain['weight'], plain['sizes'][0])] == [float, int]


def test_functions_are_left_out():
    assert without_functions([dict(last_step=3, anneal=print, phases=[dict(end=1, f=len)])]) == [
        dict(last_step=3, phases=[dict(end=1)])]


def test_message_hub_there_and_back(tmp_path):
    hub = MessageHub('there')
    for value, count in ((0.5, 1), (0.25, 4)):
        hub.update_scalar('train/loss', value, count)
    hub.update_scalar('train/steps', 3)
    hub.update_info('best_score', np.float64(0.75))
    hub.update_info('cfg', 'import os')
    torch.save(plain_message_hub(hub.state_dict()), tmp_path / 'hub.pth')
    state = torch.load(tmp_path / 'hub.pth', weights_only=True)
    assert 'cfg' not in state['runtime_info']
    restore_histories(state)
    back = MessageHub('back')
    back.load_state_dict(state)
    for name in ('train/loss', 'train/steps'):
        for ours, theirs in zip(back.get_scalar(name).data, hub.get_scalar(name).data):
            assert ours.tolist() == theirs.tolist() and ours.dtype == theirs.dtype
    assert back.get_info('best_score') == 0.75


def test_model_config_is_complete():
    cfg = Config(dict(model=dict(type='Net', ratios=(0.5, 1)), data_preprocessor=dict(type='Pre')))
    runner = SimpleNamespace(cfg=cfg, default_scope=SimpleNamespace(scope_name='mmfusenas'))
    assert json.loads(configs(runner)['model_cfg']) == dict(
        type='Net', ratios=dict(_tuple_=[0.5, 1]), data_preprocessor=dict(type='Pre'), _scope_='mmfusenas')
    assert json.loads(configs(runner)['cfg'])['data_preprocessor'] == dict(type='Pre')
    assert set(configs(SimpleNamespace(cfg=Config(dict(a=1)), default_scope=None))) == {'cfg'}


def test_genotype_files_are_in_the_config_of_the_model(tmp_path):
    genotype = Genotype(choices=dict(a='b'))
    genotype.save(tmp_path / 'found.json')
    parts = [dict(genotype=str(tmp_path / 'found.json')), dict(genotype='tim-light'), dict(genotype=None)]
    runner = SimpleNamespace(cfg=Config(dict(model=dict(type='Net', task=dict(parts=parts)))), default_scope=None)
    inside = json.loads(configs(runner)['model_cfg'])['task']['parts']
    assert Genotype.load(inside[0]['genotype']) == genotype
    assert inside[1:] == parts[1:]
