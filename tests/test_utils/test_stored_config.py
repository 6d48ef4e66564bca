"""Configs inside files name registered parts alone, and come back as they were."""
import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import Registry

from mmfusenas.apis import load_model
from mmfusenas.models.cells.build import build_cell
from mmfusenas.models.ops import build_operator
from mmfusenas.registry import MODELS
from mmfusenas.utils.checkpoint import save_checkpoint
from mmfusenas.utils.checkpoint_content import to_plain, transforms_of_test_data
from mmfusenas.utils.stored_config import ALL_PARTS, MODEL_PARTS, PIPELINE_PARTS, as_text, check_parts, from_text
from mmfusenas.utils.weights import weights_records

FUSION = dict(_scope_='mmfusenas', type='TIMFusion', genotype='tim-light', channels=4)
REFUSED = {
    'a function of Python': dict(type='os.system'),
    'a class of Python': dict(FUSION, loss=dict(type='subprocess.Popen')),
    'a function of torch': dict(FUSION, data_preprocessor=dict(type='torch.hub.load')),
    'a class of torch by its path': dict(type='torch.nn.ReLU'),
    'a path inside mmengine': dict(type='mmengine.utils.misc.import_modules_from_strings'),
    'a path inside mmdet': dict(type='mmdet.apis.init_detector'),
    'what mmdet does not register': dict(type='mmdet.version_info'),
    'what mmcv has at its top': dict(type='mmcv.imwrite'),
    'a part of another scope': dict(type='mmdet.TIMFusion'),
    'a module': dict(type='antigravity'),
    'a hook': dict(type='CheckpointHook'),
    'a runner': dict(type='Runner'),
    'a backend of visualization': dict(type='DVCLiveVisBackend'),
    'a function for data': dict(type='pseudo_collate'),
    'a transform': dict(type='LoadImageFromFile'),
    'a scope': dict(FUSION, _scope_='antigravity'),
    'a scope with a path': dict(FUSION, loss=dict(type='FusionLoss', _scope_='mmfusenas.apis')),
    'a scope in the type': dict(type='antigravity.Net'),
    'a list of parts': dict(FUSION, plugins=[[dict(a=(dict(type='os.system'),))]]),
    'an initialiser': dict(FUSION, init_cfg=dict(type='os.system')),
    'an initialiser of a part': dict(FUSION, init_cfg=[dict(type='Normal', override=dict(type='os.system'))]),
    'what mmcv evaluates': dict(FUSION, test_cfg=dict(nms=dict(type='__import__("os").system("ls")'))),
    'what mmdet evaluates': dict(type='mmdet.CameraMotionCompensation', warp_mode='__import__("os")'),
    'a Python config': dict(type='mmdet.LAD', teacher_config='evil.py'),
    'what mmseg imports': dict(type='mmseg.TIMMBackbone', norm_layer='os.system'),
    'no name': dict(type=['os.system']),
    'a key that ends a quotation': dict(FUSION, loss={"a': __import__('os').system('ls'), 'b": 1}),
    'a key that quotes a quotation': dict(FUSION, loss={'a\\': ": 1, __import__('os').system('ls'): '"}),
}


@pytest.mark.parametrize('case', REFUSED)
def test_what_would_run_is_refused(case: str) -> None:
    with pytest.raises(ValueError, match=r'^The model of a\.pth was not built: .+, (which (would|is no)|and its key)'):
        from_text(as_text(REFUSED[case]), MODEL_PARTS, 'The model of a.pth')


def test_a_name_that_would_be_imported_elsewhere_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is registered, but not where it stands, so mmengine would import the module beside the checkpoint."""
    pytest.importorskip('mmdet', exc_type=ImportError)
    (tmp_path / 'MaxIoUAssigner.py').write_text(f"open({str(tmp_path / 'marker')!r}, 'w')")
    monkeypatch.syspath_prepend(tmp_path)
    save_checkpoint(dict(state_dict={}, meta=dict(model_cfg=json.dumps(
        dict(FUSION, loss=dict(type='MaxIoUAssigner', inner=dict(_scope_='mmdet')))))), tmp_path / 'a.pth')
    with pytest.raises(ValueError, match=r"loss\.type is 'MaxIoUAssigner', which is also a module, .*Assigner\.py"):
        load_model(tmp_path / 'a.pth')
    assert not (tmp_path / 'marker').exists()


def test_the_error_names_the_key_the_type_and_what_to_do() -> None:
    config = dict(FUSION, parts=[dict(a=1), dict(loss=dict(type='os.system'))])
    with pytest.raises(ValueError, match=r"x\.pth.*parts\[1\]\.loss\.type is 'os\.system'.*custom_imports"):
        from_text(json.dumps(config), MODEL_PARTS, 'x.pth')


@pytest.mark.parametrize('step', [
    dict(type='os.system'), dict(type='TransformBroadcaster', transforms=[dict(type='subprocess.Popen')]),
    dict(type='RandomApply', transforms=dict(type='mmcv.imwrite')), dict(type='TIMFusion'),
    dict(type='LoadBiomedicalImageFromFile', _scope_='mmseg', decode_backend='pickle')])
def test_a_pipeline_names_transforms_alone(step: dict) -> None:
    with pytest.raises(ValueError, match='which (would|is not)'):
        from_text(json.dumps([dict(type='LoadPairFromFile'), step]), PIPELINE_PARTS, 'The pipeline')


@pytest.mark.parametrize('text', ['{', '', None, '{"a": }', '[' * 100_000])
def test_what_is_no_json_is_named(text: str) -> None:
    with pytest.raises(ValueError, match='The model of a.pth is not JSON'):
        from_text(text, MODEL_PARTS, 'The model of a.pth')


def test_parts_of_torch_mmengine_and_mmcv_are_registered() -> None:
    kinds = ('ReLU', 'BN', 'SyncBN', 'GN', 'Conv2d', 'mmengine.LN', 'PReLU', 'nearest', 'reflect')
    for kind in kinds:
        check_parts(dict(FUSION, act_cfg=dict(type=kind)), MODEL_PARTS, 'it')
    check_parts(dict(optimizer=dict(type='SGD'), collate_fn=dict(type='pseudo_collate')), ALL_PARTS, 'it')


def test_tuples_come_back() -> None:
    config = dict(type='TIMFusion', sizes=(1, [2, (3.5, None)], ()), names=('a',), parts=[dict(x=((1, 2), 3))])
    assert from_text(as_text(config), MODEL_PARTS, 'it') == config
    assert from_text('{"type": "TIMFusion", "sizes": [1, 2]}', MODEL_PARTS, 'it')['sizes'] == [1, 2]
    assert json.loads(as_text({1: 'a', (2, 3): Path('b')})) == {'1': 'a', '(2, 3)': 'b'}


def test_weights_that_a_config_asks_for_are_not_those_of_the_file() -> None:
    pretrained = dict(type='Pretrained', checkpoint='http://127.0.0.1:9/a.pth')
    config = dict(FUSION, init_cfg=pretrained, loss=dict(type='FusionLoss', init_cfg=[dict(type='Normal')]))
    assert from_text(as_text(config), MODEL_PARTS, 'it') == dict(
        FUSION, loss=dict(type='FusionLoss', init_cfg=[dict(type='Normal')]))


def test_what_is_registered_by_a_config_that_was_given_may_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MODELS, '_module_dict', {**MODELS.module_dict, 'OwnNet': torch.nn.Identity})
    check_parts(dict(type='OwnNet', part=dict(type='mmfusenas.OwnNet')), MODEL_PARTS, 'it')


@pytest.mark.parametrize('build', [build_cell, build_operator])
def test_candidates_are_no_import_paths(build: Callable) -> None:
    with pytest.raises(ValueError, match="Unknown .*'builtins.dict'"):
        build('builtins.dict', channels=4)


@pytest.mark.parametrize('name', [name for name, record in weights_records().items() if record.bundled])
def test_bundled_weights_are_read(name: str) -> None:
    loading = 'LoadGuidedFromFile' if name.startswith('dcnas') else 'LoadPairFromFile'
    assert load_model(name).test_pipeline[0]['type'] == loading


STOCK = {
    'mmdet': ('cascade_rpn', 'ddq', 'detr', 'faster_rcnn', 'fpg', 'mask2former', 'point_rend', 'retinanet', 'ssd'),
    'mmseg': ('deeplabv3plus', 'pspnet', 'segformer', 'unet'),
}


@pytest.mark.parametrize(('scope', 'folder'), [(scope, folder) for scope in STOCK for folder in STOCK[scope]])
def test_stock_configs_pass(scope: str, folder: str) -> None:
    """What they name is registered, or known as a name that a class of theirs chooses by."""
    package = pytest.importorskip(scope, exc_type=ImportError)
    file = next(iter(sorted(Path(package.__file__).parent.glob(f'.mim/configs/{folder}/*.py'))))
    cfg = Config.fromfile(file)
    for config, kinds in ((cfg.model, MODEL_PARTS), (transforms_of_test_data(cfg), PIPELINE_PARTS)):
        check_parts(dict(_scope_=scope, inner=to_plain(config)), kinds, str(file))


def test_no_other_stock_part_runs_what_it_is_given() -> None:
    """Modules that do: their argument is among the ones that are looked at, or it is the name of a type."""
    for scope in STOCK:
        pytest.importorskip(scope, exc_type=ImportError)
        check_parts(dict(_scope_=scope), (*MODEL_PARTS, *PIPELINE_PARTS), 'it')  # registers them
    runs = re.compile(r'(?<![\w.])(eval|exec)\(|pickle\.load|\bfromfile\(|torch\.load\(|MODELS\.get\(|import_module\(|'
                      r'datafrombytes\(|getattr\(\w+, \w+_type\)|os\.system|subprocess')
    modules = {base.__module__ for kind in (*MODEL_PARTS, *PIPELINE_PARTS) for registry in _tree(kind.root)
               for part in registry.module_dict.values() for base in part.__mro__}
    stock = {name for name in modules if name.partition('.')[0] in ('mmengine', 'mmcv', 'mmdet', 'mmseg')}
    assert {name for name in stock if runs.search(Path(sys.modules[name].__file__).read_text())} == {
        'mmdet.models.detectors.kd_one_stage',  # teacher_config
        'mmdet.models.task_modules.tracking.camera_motion_compensation',  # warp_mode
        'mmseg.models.backbones.timm_backbone',  # norm_layer
        'mmseg.datasets.transforms.loading',  # decode_backend
        'mmdet.datasets.transforms.transforms', 'mmseg.datasets.transforms.transforms',  # Albu: type
        'mmdet.models.roi_heads.roi_extractors.base_roi_extractor',  # type
    }


def _tree(registry: Registry) -> Iterator[Registry]:
    yield registry
    for child in registry.children.values():
        yield from _tree(child)
