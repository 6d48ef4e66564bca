"""Files of others run no code, whichever tool reads them: no attack makes its marker file, and the error names it."""
import functools
import http.server
import json
import pickle
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from mmfusenas.utils.checkpoint import load_checkpoint, save_checkpoint
from mmfusenas.utils.command_line import load_config, read_config

FUSION = dict(_scope_='mmfusenas', type='TIMFusion', genotype='tim-light', channels=4)
COMMAND = dict(type='os.system', command='touch marker')
PROCESS = dict(type='subprocess.Popen', args=['touch', 'marker'])
MODELS = {
    'type': COMMAND,
    'loss.type': dict(FUSION, loss=COMMAND),
    'data_preprocessor.type': dict(FUSION, data_preprocessor=PROCESS),
    'fusion.loss.type': dict(_scope_='mmfusenas', type='TIMEnhancement', fusion=dict(FUSION, loss=PROCESS),
                             enhancement=dict(type='FixedFusion')),
    'task.type': dict(_scope_='mmfusenas', type='RUASEnhancement', task=dict(_scope_='mmdet', **COMMAND),
                      scene=dict(type='RUASScene', genotype='ruas-scene')),
    'init_cfg.type': dict(FUSION, init_cfg=COMMAND),
}
TOOLS = {
    'infer': '--model evil.pth --visible vi --infrared ir --out-dir out',
    'deployment/export_onnx': '--model evil.pth --out out --shape 32 32',
    'derive': 'evil.pth --out out --checkpoint out.pth',
    'model_converters/publish_model': 'evil.pth out',
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The present folder, with a pair of images; an attack makes a file ``marker`` in it."""
    monkeypatch.chdir(tmp_path)
    for name, shape in (('vi', (32, 32, 3)), ('ir', (32, 32))):
        Path(name).mkdir()
        cv2.imwrite(f'{name}/1.png', np.random.default_rng(0).integers(0, 256, shape, np.uint8))
    return tmp_path


@pytest.fixture
def evil_pickle(folder: Path) -> Path:
    """A file of weights that runs a command where it is unpickled."""

    class Evil:
        def __reduce__(self) -> tuple:
            return Path.touch, (Path('marker').absolute(), )

    Path('served').mkdir()
    Path('served/evil.pth').write_bytes(pickle.dumps(dict(state_dict=Evil()), protocol=2))
    return Path('served/evil.pth')


@pytest.fixture
def server(evil_pickle: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a server of the present folder's ``served``; what is fetched from it stays in this folder."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            """Stay silent."""

    monkeypatch.setenv('TORCH_HOME', str(Path('torch').absolute()))
    serving = http.server.ThreadingHTTPServer(
        ('127.0.0.1', 0), functools.partial(Handler, directory=str(Path('served').absolute())))
    threading.Thread(target=functools.partial(serving.serve_forever, poll_interval=0.02), daemon=True).start()
    yield f'http://127.0.0.1:{serving.server_port}'
    serving.shutdown()
    serving.server_close()


def write(model: dict, **meta: object) -> None:
    """Write a checkpoint of that model, which is also one of a search for the tool that asks for it."""
    save_checkpoint(dict(meta=dict(model_cfg=json.dumps(model), **meta), state_dict=dict(a=torch.zeros(1))), 'evil.pth')


@pytest.mark.parametrize('tool', TOOLS)
@pytest.mark.parametrize('place', MODELS)
def test_the_model_of_a_checkpoint(tool: str, place: str, run_tool: Callable) -> None:
    if 'onnx' in tool:
        pytest.importorskip('onnxruntime')
    write(MODELS[place])
    if tool == 'derive':
        content = load_checkpoint('evil.pth')
        save_checkpoint(dict(content, bilevel_search=dict(alphas={}, space_hash='')), 'evil.pth')
    message = run_tool(tool, *TOOLS[tool].split())
    kind = 'subprocess.Popen' if 'Popen' in str(MODELS[place]) else 'os.system'
    assert f'The model of evil.pth (meta.model_cfg) was not built: {place} is {kind!r}' in message
    assert not Path('marker').exists() and not Path('out').exists()


@pytest.mark.parametrize('steps', [[COMMAND], [dict(type='TransformBroadcaster', transforms=[PROCESS])]])
def test_the_pipeline_of_a_checkpoint(steps: list, run_tool: Callable) -> None:
    """As a detector runs it, and as publishing passes it on."""
    from mmfusenas.apis.loading import build_model
    write(FUSION, test_pipeline=json.dumps(steps))
    content = load_checkpoint('evil.pth')
    save_checkpoint(dict(content, state_dict=build_model(FUSION, 'test').state_dict()), 'evil.pth')
    for tool in ('infer', 'model_converters/publish_model'):
        message = run_tool(tool, *TOOLS[tool].split())
        assert 'The pipeline of evil.pth (meta.test_pipeline) was not built: [0].' in message and '.Popen' in message \
            or "[0].type is 'os.system'" in message
    assert not Path('marker').exists() and not Path('out').exists()


def test_the_pipeline_that_a_detector_would_run(run_tool: Callable) -> None:
    pytest.importorskip('mmseg')
    from mmfusenas.apis.loading import build_model
    model = dict(
        _scope_='mmfusenas', type='TaskGuidedSegmentor', scene=dict(type='FixedFusion', rule='average'),
        task=dict(
            _scope_='mmseg', type='EncoderDecoder', data_preprocessor=dict(type='SegDataPreProcessor'),
            backbone=dict(type='mmdet.ResNet', depth=18, base_channels=4), test_cfg=dict(mode='whole'),
            decode_head=dict(type='FCNHead', in_channels=32, channels=4, num_convs=1, num_classes=2,
                             in_index=3, norm_cfg=dict(type='BN'))))
    weights = build_model(model, 'test').state_dict()
    save_checkpoint(dict(meta=dict(model_cfg=json.dumps(model), test_pipeline=json.dumps([COMMAND])),
                         state_dict=weights), 'evil.pth')
    message = run_tool('infer', *TOOLS['infer'].split())
    assert "(meta.test_pipeline) was not built: [0].type is 'os.system', which is not registered" in message
    assert not Path('marker').exists()


def test_a_resume_runs_no_config(toy: Path, run_tool: Callable) -> None:
    """mmengine's Runner would run ``meta.config``, where it looks for a number of GPUs."""
    assert run_tool('train', 'toy.py') == ''
    content = load_checkpoint('work_dirs/toy/epoch_1.pth')
    code = "open('marker', 'w')\ngpu_ids = range(1)"
    save_checkpoint(dict(content, meta=dict(content['meta'], config=code)), 'evil.pth')
    assert run_tool('train', 'toy.py', '--work-dir', 'again', '--resume', 'evil.pth') == ''
    assert not Path('marker').exists()
    log = next(Path('again').glob('*/*.log')).read_text()
    assert 'evil.pth holds a config as Python text (meta.config), which is not run' in log
    ours = load_checkpoint('again/epoch_2.pth')
    assert 'config' not in ours['meta'] and json.loads(ours['meta']['cfg'])['model'] == dict(type='ToolModel')


@pytest.mark.parametrize('address', ['{}/evil.pth', 'torchvision://evil', 'openmmlab://evil', 'served/evil.pth'])
@pytest.mark.parametrize('key', ['load_from', 'model.init_cfg'])
def test_weights_from_anywhere(key: str, address: str, toy: Path, server: str, run_tool: Callable,
                               monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ('mmengine.runner.checkpoint', 'mmfusenas.utils.remote_weights'):
        for zoo in ('torchvision', 'external'):
            monkeypatch.setattr(f'{module}.get_{zoo}_models', lambda: dict(evil=f'{server}/evil.pth'), raising=False)
    weights = address.format(server)
    setting = repr(weights) if key == 'load_from' else dict(type='Pretrained', checkpoint=weights)
    name = key.replace('model.init_cfg', "model['init_cfg']")
    # Without the hook that makes every Runner safe: it is the tool that is.
    toy.write_text(f'{toy.read_text()}\n{name} = {setting}\ndefault_hooks = dict(checkpoint=None)\n')
    message = run_tool('train', 'toy.py')
    assert 'evil.pth carries code' in message and 'was not loaded' in message
    assert not Path('marker').exists()


READER = """
from mmengine.runner import load_checkpoint
@MODELS.register_module(force=True)
class ReadingModel(ToolModel):
    def __init__(self, file):
        super().__init__()
        load_checkpoint(self, file)
"""


@pytest.mark.parametrize('arguments', [
    'train', 'test a.pth', 'infer a.pth --visible vi --infrared ir', 'derive served/evil.pth --out out',
    'deployment/export_onnx a.pth --out out', 'analysis_tools/get_flops',
    'analysis_tools/sample_genotype --work-dir out'])
def test_a_model_that_reads_a_file_while_it_is_built(arguments: str, toy: Path, evil_pickle: Path,
                                                     run_tool: Callable) -> None:
    if 'onnx' in arguments:
        pytest.importorskip('onnxruntime')
    Path('toy_parts.py').write_text(Path('toy_parts.py').read_text() + READER)
    toy.write_text(toy.read_text() + f"model = dict(type='ReadingModel', file='{evil_pickle}')\n"
                   'default_hooks = dict(checkpoint=None)\n')
    save_checkpoint(dict(state_dict=dict(a=torch.zeros(1))), 'a.pth')
    tool, *rest = arguments.split()
    message = run_tool(tool, *(rest if tool == 'derive' else ['toy.py', *rest]))
    assert 'evil.pth carries code' in message and 'was not loaded' in message
    assert not Path('marker').exists()


ATTACK = '!!python/object/apply:os.system ["touch marker"]'


@pytest.mark.parametrize('tool', ['train', 'test', 'analysis_tools/check_dataset', 'infer'])
@pytest.mark.parametrize('suffix', ['yaml', 'yml'])
def test_a_yaml_config(tool: str, suffix: str, run_tool: Callable) -> None:
    Path(f'evil.{suffix}').write_text(f'model: {{type: ToolModel}}\nwork_dir: {ATTACK}\n')
    Path('a.pth').touch()
    more = ['a.pth', '--visible', 'vi', '--infrared', 'ir'] if tool == 'infer' else []
    message = run_tool(tool, f'evil.{suffix}', *more)
    assert f'Config evil.{suffix} cannot be read' in message and 'python/object/apply:os.system' in message
    assert not Path('marker').exists()


@pytest.mark.parametrize('leaf', ['c.py', 'c.json', 'c.yaml'])
def test_a_yaml_file_that_a_config_is_built_on(leaf: str, run_tool: Callable, folder: Path) -> None:
    Path('evil.yaml').write_text(f'hidden: {ATTACK}\n')
    Path(leaf).write_text({'c.py': "_base_ = ['evil.yaml']", 'c.json': '{"_base_": "evil.yaml"}',
                           'c.yaml': '_base_: evil.yaml'}[leaf])
    message = run_tool('train', leaf)
    assert f'Config {folder}/evil.yaml cannot be read' in message and 'python/object/apply:os.system' in message
    assert not Path('marker').exists()


@pytest.mark.parametrize(('key', 'text'), [
    ('custom_imports', '{"custom_imports": {"imports": ["evil_module"]}, "model": {"type": "ToolModel"}}'),
    ("model.loss.type is 'os.system'",
     '{"model": {"type": "TIMFusion", "loss": {"type": "os.system", "command": "touch marker"}}}'),
    ("model.type is 'subprocess.Popen'",
     '{"model": {"type": "subprocess.Popen", "args": ["touch", "marker"], "_scope_": "mmfusenas"}}'),
    ("default_scope is 'evil_module'", '{"default_scope": "evil_module", "model": {"type": "TIMFusion"}}')])
@pytest.mark.parametrize('suffix', ['json', 'yaml'])  # JSON is YAML
def test_what_a_config_of_data_names(key: str, text: str, suffix: str, run_tool: Callable,
                                     monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.syspath_prepend(folder)
    Path('evil_module.py').write_text("open('marker', 'w')")
    Path(f'evil.{suffix}').write_text(text)
    for arguments in (('analysis_tools/get_flops', f'evil.{suffix}'), ('train', f'evil.{suffix}')):
        message = run_tool(*arguments)
        assert f'Config evil.{suffix} cannot be read' in message and key in message, message
        assert not Path('marker').exists()


def test_a_config_of_data_is_read(toy: Path, run_tool: Callable) -> None:
    """Its tuples too, and a Python config may be built on it."""
    cfg = load_config(str(toy), {'train_cfg.max_epochs': 1, 'work_dir': 'work_dirs/yaml'})
    imports = cfg.pop('custom_imports')
    cfg.sizes = (1, (2, 3))
    cfg.dump('whole.yaml')
    assert '!!python/tuple' in Path('whole.yaml').read_text()
    assert read_config('whole.yaml').sizes == (1, (2, 3))
    assert run_tool('train', 'whole.yaml') == ''
    Path('leaf.py').write_text(f"_base_ = ['whole.yaml']\ncustom_imports = {imports.to_dict()}\n")
    assert run_tool('train', 'leaf.py') == ''


def test_publish_and_derive_take_parts_of_ones_own(toy: Path, run_tool: Callable, capsys) -> None:
    """From the config that imports them."""
    assert run_tool('train', 'toy.py') == ''
    run_tool('model_converters/publish_model', 'work_dirs/toy/epoch_2.pth', 'out.pth', '--config', 'toy.py')
    kept = load_checkpoint('out.pth')['meta']
    assert json.loads(kept['model_cfg'])['type'] == 'ToolModel'
    assert 'tools/infer.py toy.py out.pth' in capsys.readouterr().out
