"""Models from configs, checkpoints and names."""
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from mmfusenas.apis import load_model, weights_table
from mmfusenas.apis.loading import build_model, check_device, load_weights
from mmfusenas.core.errors import UserError
from mmfusenas.utils.checkpoint import save_checkpoint
from mmfusenas.utils.weights import weights_details

FUSION = dict(_scope_='mmfusenas', type='TIMFusion', genotype='tim-light', channels=4)


def write(path: Path, model_cfg: dict, **meta) -> dict:
    """Save a checkpoint of a new model and return its weights."""
    weights = build_model(model_cfg, 'test').state_dict()
    save_checkpoint(dict(meta=dict(model_cfg=json.dumps(model_cfg), **meta), state_dict=weights), path)
    return weights


def assert_equal(weights: dict, others: dict) -> None:
    assert list(weights) == list(others)
    assert all(torch.equal(weights[key], others[key]) for key in weights)


def test_checkpoint_alone_rebuilds_its_model(tmp_path: Path, detector_config: Callable) -> None:
    pipeline = [dict(type='PackPairDetInputs')]
    weights = write(tmp_path / 'a.pth', detector_config(), dataset_meta=dict(classes=('car',)),
                    test_pipeline=json.dumps(pipeline))
    model = load_model(tmp_path / 'a.pth')
    assert_equal(model.state_dict(), weights)
    assert model.dataset_meta == dict(classes=('car',)) and model.test_pipeline == pipeline and not model.training


def test_config_and_checkpoint(tmp_path: Path) -> None:
    weights = write(tmp_path / 'a.pth', FUSION)
    (tmp_path / 'c.py').write_text(
        "model = dict(type='TIMFusion', genotype='tim-light', channels=4)\ndefault_scope = 'mmfusenas'\n"
        "test_dataloader = dict(dataset=dict(type='Wrapper', dataset=dict(pipeline=[dict(type='PackPairInputs')])))")
    model = load_model(tmp_path / 'c.py', tmp_path / 'a.pth')
    assert_equal(model.state_dict(), weights)
    assert model.test_pipeline == [dict(type='PackPairInputs')] and model.dataset_meta == {}


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of bundled weights: ``present`` is there, ``absent`` is not."""
    record = dict(description='', genotype='tim-light', parameters=127358, training_data='scenes', licence='Apache-2.0',
                  purpose='fusion', inputs=['visible', 'infrared'], main_figure='SCD 1.5', figures={'SCD': 1.5},
                  train='python tools/train.py c.py')
    (tmp_path / 'records.json').write_text(json.dumps(dict(present=record, absent=dict(record, figures={}))))
    monkeypatch.setattr('mmfusenas.utils.weights.WEIGHTS_DIR', tmp_path)
    return tmp_path


def test_names(registry: Path) -> None:
    weights = write(registry / 'present.pth', FUSION)
    assert_equal(load_model('present').state_dict(), weights)
    with pytest.raises(FileNotFoundError, match=r"'absent' are not bundled.*Train them: python tools/train.py c.py"):
        load_model('absent')
    with pytest.raises(ValueError, match="no weights named 'presnt'; the nearest is 'present'"):
        load_model('presnt')


def test_table_shows_what_is_there_and_how_to_get_the_rest(registry: Path) -> None:
    write(registry / 'present.pth', FUSION)
    rows = weights_table().splitlines()[2:]
    assert re.fullmatch(r'present +fusion +127,358 +SCD 1.5', rows[0])
    assert re.fullmatch(r'absent +fusion +127,358 +absent', rows[2])
    assert rows[1] == rows[3] == '    visible, infrared; trained on scenes'
    assert rows[4:] == ['Train what is absent:', '  absent: python tools/train.py c.py']
    details = weights_details('present')
    assert all(text in details for text in ('127,358, 0.', 'trained on: scenes', 'SCD: 1.5', 'licence: Apache-2.0'))
    assert 'parameters: 127,358, absent' in weights_details('absent')
    with pytest.raises(ValueError, match="no weights named 'presnt'; the nearest is 'present'"):
        weights_details('presnt')


def test_checkpoint_of_a_search_is_refused(tmp_path: Path, search_checkpoint: dict) -> None:
    save_checkpoint(search_checkpoint, tmp_path / 's.pth')
    with pytest.raises(ValueError, match='checkpoint of a search.*python tools/derive.py .*s.pth'):
        load_model(tmp_path / 's.pth')


@pytest.mark.parametrize(('changes', 'message'), [
    (dict(channels=8), r'35 of another shape \(stem.0.weight \(8, 2, 3, 3\) for \(16, 2, 3, 3\), '),
    (dict(genotype='tim-full'), r'missing in the file \(cells.0.*unknown to the model \(cells.0'),
    (dict(genotype=None), r'builds a supernet with 14 open choices.*retrain.py'),
])  # fmt: skip
def test_weights_of_another_model_are_named(changes: dict, message: str, tmp_path: Path) -> None:
    write(tmp_path / 'a.pth', FUSION)
    (tmp_path / 'c.py').write_text(f'model = {dict(FUSION, **changes)}')
    with pytest.raises(ValueError, match=f'(?s){message}'):
        load_model(tmp_path / 'c.py', tmp_path / 'a.pth')


def test_what_cannot_be_loaded_is_said(tmp_path: Path) -> None:
    write(tmp_path / 'a.pth', FUSION)
    torch.save(dict(state_dict={}), tmp_path / 'bare.pth')
    save_checkpoint(dict(meta=dict(model_cfg='{"type": "TheirFusion"}'), state_dict={}), tmp_path / 'theirs.pth')
    for source, error, message in [
        (tmp_path / 'bare.pth', ValueError, 'does not hold the config of its model.*Give its config'),
        (tmp_path / 'theirs.pth', ValueError, "theirs.pth .*type is 'TheirFusion', .*not registered.*custom_imports"),
        (tmp_path / 'gone.pth', FileNotFoundError, 'no checkpoint file'),
        ('c.py', ValueError, 'c.py has no weights'),
    ]:
        with pytest.raises(error, match=f'(?s){message}'):
            load_model(source)
    with pytest.raises(UserError, match='Config gone.py does not exist'):
        load_model('gone.py', tmp_path / 'a.pth')
    if not torch.cuda.is_available():
        with pytest.raises(ValueError, match="no device 'cuda:0'"):
            load_model(tmp_path / 'a.pth', device='cuda:0')


def test_a_device_that_is_not_there_is_named(monkeypatch):
    monkeypatch.setattr(torch.cuda, 'device_count', lambda: 1)
    assert check_device('cuda:0').index == 0
    with pytest.raises(ValueError, match="no device 'cuda:5': .* sees 1 GPU"):
        check_device('cuda:5')


def test_weights_of_several_processes_are_loaded():
    model = build_model(FUSION, 'test')
    weights = {f'module.{name}': value + 1 for name, value in model.state_dict().items()}
    load_weights(model, dict(state_dict=weights), 'theirs.pth')
    assert all(torch.equal(value, weights[f'module.{name}']) for name, value in model.state_dict().items())
    with pytest.raises(ValueError, match='theirs.pth holds no state dict'):
        load_weights(model, dict(state_dict=dict(a=1)), 'theirs.pth')


def test_weights_that_are_not_finite_are_refused():
    model = build_model(dict(type='TIMFusion', genotype='tim-light', channels=4), 'test')
    weights = model.state_dict()
    weights['head.0.bias'] = torch.full_like(weights['head.0.bias'], float('nan'))
    with pytest.raises(ValueError, match=r'1 .*a\.pth.*not finite.*head\.0\.bias'):
        load_weights(model, weights, 'a.pth')


def test_what_only_trained_the_scene_module_is_used_without_the_rest(tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr('mmfusenas.apis.loading.print_log', lambda message, *_: said.append(message))
    enhancement = dict(
        _scope_='mmfusenas', type='RUASEnhancement', scene=dict(type='RUASScene', genotype='ruas-scene'),
        task=dict(type='NoiseRemoval', genotype='ruas-denoise'), denoise='always')
    inputs = dict(visible=torch.rand(1, 3, 20, 24) / 5)
    same = {}
    for stage in ('scene', 'task'):
        write(tmp_path / f'{stage}.pth', enhancement, stage=stage)
        model = load_model(tmp_path / f'{stage}.pth')
        same[stage] = torch.equal(model(inputs), model.scene(inputs))
    assert same == dict(scene=True, task=False)
    assert len(said) == 1 and 'scene.pth was written while the scene module alone was trained' in said[0]
