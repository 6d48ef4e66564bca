"""Checkpoints stripped for others to use."""
import json

import torch

from mmfusenas.apis import load_model
from mmfusenas.apis.loading import build_model
from mmfusenas.utils.checkpoint import load_checkpoint, save_checkpoint

MODEL = dict(_scope_='mmfusenas', type='TIMFusion', genotype='tim-light', channels=4)


def test_weights_and_what_rebuilds_the_model_stay(tmp_path, run_tool, capsys):
    model = build_model(MODEL, 'test').to(memory_format=torch.channels_last).eval()
    content = dict(state_dict=model.state_dict(), optimizer=dict(state={}, param_groups=[]), message_hub=dict(a=1),
                   meta=dict(model_cfg=json.dumps(MODEL), epoch=3, stage='scene', cfg='a long text', dataset_meta={}))
    save_checkpoint(content, tmp_path / 'epoch_3.pth')
    assert run_tool('model_converters/publish_model', tmp_path / 'epoch_3.pth', tmp_path / 'out.pth') == ''
    assert f'infer.py --model {tmp_path}/out.pth' in capsys.readouterr().out.replace("'", '')
    kept = load_checkpoint(tmp_path / 'out.pth')
    assert set(kept) == {'state_dict', 'meta'} and set(kept['meta']) == {'model_cfg', 'dataset_meta', 'epoch', 'stage'}
    assert all(value.is_contiguous() for value in kept['state_dict'].values())
    pair = torch.rand(2, 1, 1, 20, 30)
    torch.testing.assert_close(load_model(tmp_path / 'out.pth').fuse(*pair), model.fuse(*pair))


def test_other_checkpoints_are_refused(tmp_path, run_tool):
    model = build_model(MODEL, 'test')
    meta = dict(model_cfg=json.dumps(MODEL))
    cases = {
        'is the checkpoint of a search': dict(meta=meta, state_dict=model.state_dict(), bilevel_search={}),
        'does not hold the config of its model': dict(meta={}, state_dict=model.state_dict()),
        'do not fit TIMFusion': dict(meta=meta, state_dict=dict(other=torch.zeros(1))),
    }
    for message, content in cases.items():
        save_checkpoint(content, tmp_path / 'a.pth')
        assert message in run_tool('model_converters/publish_model', tmp_path / 'a.pth', tmp_path / 'out.pth')
        assert not (tmp_path / 'out.pth').exists()
    assert 'missing.pth' in run_tool('model_converters/publish_model', tmp_path / 'missing.pth', tmp_path / 'out.pth')
