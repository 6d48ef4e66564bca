"""The infer and derive tools, run as commands are."""
import json
import re
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from mmfusenas import cli
from mmfusenas.apis import FusionInferencer, Result
from mmfusenas.apis.loading import build_model
from mmfusenas.core.errors import FileNotWrittenError
from mmfusenas.datasets.images import ImageError, write_image
from mmfusenas.datasets.pairing import Pair
from mmfusenas.models.scene import FixedFusion, TIMFusion
from mmfusenas.nas import Genotype, SearchSpace
from mmfusenas.utils.checkpoint import load_checkpoint, save_checkpoint
from mmfusenas.utils.weights import weights_records

SUPERNET = dict(_scope_='mmfusenas', type='TIMFusion', channels=4, num_cells=1, cells=('successive', 'multi_scale'),
                operators=('rb_3', 'ca_3'))


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folders ``vi`` and ``ir`` of two pairs of 61 x 83, in the present folder."""
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    for folder, channels in (('vi', 3), ('ir', 1)):
        Path(folder).mkdir()
        for stem in ('001', '002'):
            cv2.imwrite(f'{folder}/{stem}_{folder}.png', random.integers(0, 256, (61, 83, channels), np.uint8))
    return tmp_path


@pytest.fixture
def search(tmp_path: Path) -> Path:
    """The checkpoint of a search in which every last candidate is ahead."""
    model = build_model(SUPERNET, 'test')
    space = SearchSpace(model)
    alphas = {name: torch.arange(float(len(choice.candidates))) for name, choice in space.choices.items()}
    save_checkpoint(dict(meta=dict(model_cfg=json.dumps(SUPERNET), epoch=2, seed=5), state_dict=model.state_dict(),
                         bilevel_search=dict(alphas=alphas, space_hash=space.hash)), tmp_path / 'search.pth')
    return tmp_path / 'search.pth'


def test_chain_from_a_search_to_images(folders: Path, search: Path, run_tool: Callable, capsys) -> None:
    assert run_tool('derive', search, '--out', 'out/genotype.json', '--checkpoint', 'out/derived.pth') == ''
    assert 'next:\n  python tools/infer.py --model out/derived.pth --visible FOLDER' in capsys.readouterr().out
    genotype = Genotype.load('out/genotype.json')
    assert genotype.choices == {
        'cells.0.type': 'multi_scale', 'cells.0.multi_scale.ops.0': 'ca_3', 'cells.0.multi_scale.ops.1': 'ca_3'}
    assert genotype.source == dict(config='', epoch=2, seed=5)
    folders = ('--visible', 'vi', '--infrared', 'ir', '--out-dir', 'fused')
    assert run_tool('infer', '--model', 'out/derived.pth', *folders) == ''
    assert '2 images in fused/images' in capsys.readouterr().out
    images = json.loads(Path('fused/predictions.json').read_text())['images']
    assert [image['stem'] for image in images] == ['001_vi', '002_vi']
    assert cv2.imread('fused/images/002_vi.png').shape == (61, 83, 3)

    Path('c.py').write_text(f"model = {dict(SUPERNET, genotype='out/genotype.json')}")
    assert run_tool('infer', 'c.py', 'out/derived.pth', '--visible', 'vi/001_vi.png', '--infrared', 'ir/001_ir.png',
                    '--out-dir', 'again') == ''
    assert 'next:\n  python tools/test.py c.py out/derived.pth' in capsys.readouterr().out
    np.testing.assert_array_equal(cv2.imread('again/images/001_vi.png'), cv2.imread('fused/images/001_vi.png'))
    assert json.loads(Path('again/predictions.json').read_text())['config'] == 'c.py'

    Path('vi/001_vi.png').unlink()
    assert run_tool('infer', '--model', 'out/derived.pth', *folders, '--missing', 'fallback', '--tile', '256',
                    '--amp') == ''
    images = json.loads(Path('fused/predictions.json').read_text())['images']
    assert {image['stem']: image.get('replaced') for image in images} == {'002_vi': None, '001_ir': 'visible'}
    assert run_tool('infer', '--model', 'out/derived.pth', *folders, '--missing', 'fallback', '--alone',
                    'infrared=tim-light') == ''
    left = FusionInferencer('tim-light')('ir/001_ir.png', 'ir/001_ir.png')['image']
    np.testing.assert_array_equal(cv2.imread('fused/images/001_ir.png'), left)
    cv2.imwrite('vi/001_vi.png', cv2.imread('fused/images/002_vi.png')[:40])
    assert '1 of 2 pairs have images of two sizes' in run_tool('infer', '--model', 'out/derived.pth', *folders)
    assert run_tool('infer', '--model', 'out/derived.pth', *folders, '--resize', 'visible') == ''
    assert cv2.imread('fused/images/001_vi.png').shape == (40, 83, 3)


def test_what_comes_after_images(folders: Path, run_tool: Callable, capsys) -> None:
    def following(*words: str) -> list[str]:
        assert run_tool('infer', *words, '--out-dir', 'out') == ''
        printed = capsys.readouterr().out.partition('\ndone; next:\n')[2]
        return [line.split('    #')[0].strip() for line in printed.splitlines()]

    pair, export = ('--visible', 'vi', '--infrared', 'ir'), 'python tools/deployment/export_onnx.py --model'
    metrics = 'python tools/analysis_tools/fusion_metrics.py --visible vi'
    light = f'{export} tim-light --out out/model.onnx'
    assert following('--model', 'tim-light', *pair) == [f'{metrics} --infrared ir --fused out/images', light]
    assert following('--model', 'tim-light', '--visible', 'vi/001_vi.png', '--infrared', 'ir/001_ir.png') == [
        f'{metrics}/001_vi.png --infrared ir/001_ir.png --fused out/images/001_vi.png', light]
    assert following('--model', 'tim-light', *pair, '--missing', 'fallback') == [light]  # a pair may have lost an image
    assert following('--model', 'ruas-lowlight', '--input', 'vi') == [f'{export} ruas-lowlight --out out/model.onnx']
    np.save('kernel.npy', np.full((3, 3), 1 / 9))
    assert following('--model', 'hyperguidance-deblur', '--input', 'vi', '--kernel', 'kernel.npy') == []  # no graph


def test_a_detector_is_exported_with_its_suppression_after_images(
        folders: Path, run_tool: Callable, capsys) -> None:
    pytest.importorskip('mmdet')
    assert run_tool('infer', '--model', 'tim-retinanet-msrs', '--visible', 'vi/001_vi.png', '--infrared',
                    'ir/001_ir.png', '--out-dir', 'out') == ''
    command = 'python tools/deployment/export_onnx.py --model tim-retinanet-msrs --out out/model.onnx --nms'
    assert f'next:\n  {command}  ' in capsys.readouterr().out


def test_images_are_computed_in_batches(folders: Path, run_tool: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    config = dict(type='mmfusenas.TIMFusion', genotype='tim-light', channels=4)
    Path('c.py').write_text(f'model = {config}')
    save_checkpoint(dict(state_dict=build_model(config, 'test').state_dict(), meta={}), 'c.pth')
    sizes, fuse = [], TIMFusion.fuse
    monkeypatch.setattr(TIMFusion, 'fuse', lambda self, *lumas: (sizes.append(len(lumas[0])), fuse(self, *lumas))[1])
    sources = ('--visible', 'vi', '--infrared', 'ir', '--batch-size')
    assert run_tool('infer', 'c.py', 'c.pth', *sources, '2') == '' and sizes == [2]
    assert 'batch_size=0; it is a whole number from 1' in run_tool('infer', 'c.py', 'c.pth', *sources, '0')
    videos = ('--visible', 'a.mp4', '--infrared', 'b.mp4', '--batch-size', '2')
    assert 'the frames of a video come one by one' in run_tool('infer', 'c.py', 'c.pth', *videos)


def test_derive_names_the_retrain_config(search: Path, tmp_path: Path, run_tool: Callable, capsys) -> None:
    (tmp_path / 'retrain.py').touch()
    assert run_tool('derive', search, '--out', tmp_path / 'g.json') == ''
    assert f'next:\n  python tools/train.py {tmp_path}/retrain.py' in capsys.readouterr().out


def test_derive_takes_the_config_of_a_checkpoint_that_has_none(
        folders: Path, search: Path, run_tool: Callable, capsys) -> None:
    content = load_checkpoint(search)
    del content['meta']['model_cfg']
    save_checkpoint(content, 'bare.pth')
    assert 'Give its config file as well' in run_tool('derive', 'bare.pth', '--out', 'g.json')
    Path('c.py').write_text(f'model = {SUPERNET}')
    arguments = ('--config', 'c.py', '--out', 'g.json', '--checkpoint', 'derived.pth')
    assert run_tool('derive', 'bare.pth', *arguments) == ''
    assert 'next:\n  python tools/infer.py --model derived.pth' in capsys.readouterr().out
    assert Genotype.load('g.json').choices['cells.0.multi_scale.ops.1'] == 'ca_3'
    pair = ('--visible', 'vi', '--infrared', 'ir', '--out-dir', 'fused')
    assert run_tool('infer', '--model', 'derived.pth', *pair) == ''
    Path('empty.py').write_text('lr = 1')
    assert 'Config empty.py has no `model`' in run_tool('derive', 'bare.pth', '--config', 'empty.py', '--out', 'g.json')
    # A config in the checkpoint stays what the network is built of.
    Path('other.py').write_text(f'model = {dict(SUPERNET, channels=8)}')
    assert run_tool('derive', search, '--config', 'other.py', '--out', 'g.json') == ''
    Path('other.py').write_text(f"model = {dict(SUPERNET, operators=('rb_3', 'dc_3'))}")
    assert 'of another search space' in run_tool('derive', 'bare.pth', '--config', 'other.py', '--out', 'g.json')


def test_derive_refuses_other_checkpoints(tmp_path: Path, run_tool: Callable) -> None:
    save_checkpoint(dict(meta={}, state_dict={}), tmp_path / 'plain.pth')
    assert 'is no checkpoint of a search' in run_tool('derive', tmp_path / 'plain.pth', '--out', tmp_path / 'g.json')
    assert 'gone.pth does not exist' in run_tool('derive', tmp_path / 'gone.pth', '--out', tmp_path / 'g.json')
    assert not (tmp_path / 'g.json').exists()


@pytest.mark.parametrize('model, option, values', [
    (dict(type='RUASEnhancement', scene=dict(type='RUASScene', genotype='ruas-scene'), denoise='always',
          task=dict(type='NoiseRemoval', genotype='ruas-denoise')), '--denoise', ('always', 'never')),
    (dict(type='HyperGuidedRestoration', stages=1, stage=dict(
        type='GuidedStage', physics=dict(type='Deconvolution'), proxy=None,
        denoiser=dict(type='DilatedDenoiser', channels=4, dilations=(1, 1)))), '--kernel', ('a.npy', 'b.npy'))])
def test_images_of_one_sensor(
        folders: Path, run_tool: Callable, capsys, model: dict, option: str, values: tuple) -> None:
    torch.manual_seed(0)
    model = dict(model, _scope_='mmfusenas')
    save_checkpoint(dict(meta=dict(model_cfg=json.dumps(model)), state_dict=build_model(model, 'test').state_dict()),
                    'one.pth')
    np.save('a.npy', np.eye(5))
    np.save('b.npy', np.ones((7, 7)))
    for value in values:
        assert run_tool('infer', '--model', 'one.pth', '--input', 'vi', option, value, '--out-dir', f'of_{value}') == ''
        assert f'2 images in of_{value}/images' in capsys.readouterr().out
    first, second = (cv2.imread(f'of_{value}/images/002_vi.png') for value in values)
    assert first.shape == (61, 83, 3) and not np.array_equal(first, second)


@pytest.mark.parametrize(('arguments', 'message'), [
    ('--visible vi --infrared ir --out-dir o', 'Give a config and its checkpoint, or --model with a name'),
    ('c.py --visible vi --infrared ir --out-dir o', 'Give a config and its checkpoint'),
    ('c.py search.pth --model tim-light', '--model tim-light and the config c.py: give one of them'),
    ('--model tim-light --visible vi', '--infrared missing'),
    ('--model ruas-lowlight --visible vi', 'A model of one sensor takes --input'),
    ('--model tim-lite --visible vi --infrared ir --out-dir o', "named 'tim-lite'; the nearest is 'tim-light'"),
    ('--model search.pth --visible vi --infrared ir --out-dir o', 'tools/derive.py search.pth'),
    ('--model search.pth --visible vi --infrared nowhere --out-dir o', 'nowhere does not exist'),
    ('--model search.pth --visible vi --infrared ir --denoise never --out-dir o', '--denoise is for the images of'),
    ('--model tim-light --visible vi --infrared ir.mp4 --out-dir o', 'give two videos or none'),
    ('--model tim-light --visible vi.mp4 --infrared rtsp://host/ir --out-dir o', 'do not go together'),
    ('--model tim-light --visible vi --infrared ir --smooth 0.5 --out-dir o', '--smooth is for videos'),
    ('--model tim-light --visible vi --infrared ir --seconds 5 --out-dir o', '--seconds is for live streams'),
    ('--model tim-light --visible vi --infrared ir --black-hot --out-dir o', '--black-hot needs --thermal-range'),
    ('--model ruas-lowlight --input vi --thermal-range 3 9 --out-dir o', '--thermal-range is for the images of'),
    ('--model tim-light --visible vi --infrared ir --thermal-range 9 3 --out-dir o', 'got limits=[9.0, 3.0]'),
    ('--model tim-light --visible vi --infrared ir --alone visible=tim-full --out-dir o', 'with --missing fallback'),
    ('--model tim-light --visible vi --infrared ir --missing fallback --alone a=b --out-dir o', 'is visible=MODEL'),
    ('--model tim-light --visible vi --infrared ir --missing fallback --alone visible=a visible=b', 'is visible=MODEL'),
    ('--model ruas-lowlight --input vi --tile 512 --out-dir o', '--tile is for the images of --visible and --infrared'),
])  # fmt: skip
def test_infer_says_what_is_wrong(
        arguments: str, message: str, folders: Path, search: Path, run_tool: Callable) -> None:
    assert message in run_tool('infer', *arguments.split())
    assert not Path('o').exists()


@pytest.mark.parametrize('content, problem', [(b'no image', 'cannot be decoded'), (b'', 'is empty')])
def test_infer_names_a_damaged_image(
        folders: Path, search: Path, run_tool: Callable, content: bytes, problem: str) -> None:
    run_tool('derive', search, '--out', 'g.json', '--checkpoint', 'derived.pth')
    Path('ir/002_ir.png').write_bytes(content)
    message = run_tool('infer', '--model', 'derived.pth', '--visible', 'vi', '--infrared', 'ir', '--out-dir', 'o')
    count = len(list(Path('ir').iterdir()))
    assert message.startswith(f'error: 1 of {count} inputs could not be used. The results of the others are in o.')
    assert 'The image ir/002_ir.png' in message and problem in message
    predictions = json.loads(Path('o/predictions.json').read_text())
    assert len(predictions['images']) == count - 1 == len(list(Path('o/images').iterdir()))


def test_whatever_is_wrong_with_one_image_the_others_are_done(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    infer = FusionInferencer(FixedFusion('average'))
    pairs = [Pair(stem, stem, stem) for stem in 'abc']

    read, array = infer.read, np.zeros((4, 4), np.uint8)

    def called(visible: str, _: str) -> dict:
        if visible == 'b':
            raise problem
        return read(array, array)

    monkeypatch.setattr(infer, 'read', called)
    monkeypatch.setattr(FusionInferencer, 'check', lambda *_: None)
    for problem in (MemoryError('no room'), RuntimeError('odd shape'), cv2.error('odd')):
        with pytest.raises(ImageError, match=f'1 of 3 inputs could not be used.*: {re.escape(str(problem))}'):
            infer.run(pairs, tmp_path / 'out')
        written = json.loads((tmp_path / 'out/predictions.json').read_text())
        assert [image['stem'] for image in written['images']] == ['a', 'c'] and list(written['failed']) == ['b']
        (tmp_path / 'out/predictions.json').unlink()
    problem = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        infer.run(pairs, tmp_path / 'out')
    assert [x['stem'] for x in json.loads((tmp_path / 'out/predictions.json').read_text())['images']] == ['a']


def test_list_shows_every_name(run_tool: Callable, capsys) -> None:
    assert run_tool('infer', '--list') == ''
    out = capsys.readouterr().out
    for name, record in weights_records().items():
        assert re.search(rf'^{name} .* {record.parameters:,}  ', out, re.M)
    command, folder = 'python tools/infer.py --model', '--out-dir DIR'
    assert out.partition('next:\n')[2].splitlines() == [
        f'  {command} tim-light --visible PATH --infrared PATH {folder}',
        f'  {command} ruas-lowlight --input PATH {folder}',
        f'  {command} dcnas-depth-x8 --target PATH --guide PATH {folder}',
        f'  {command} hyperguidance-deblur --input PATH --kernel PATH {folder}',
        '  python tools/infer.py --list NAME    # all figures, licence']
    assert run_tool('infer', '--list', 'hadamard-lowlight') == ''
    out = capsys.readouterr().out
    assert 'SSIM there' in out and out.endswith(f'next:\n  {command} hadamard-lowlight --input PATH {folder}\n')
    assert "no weights named 'tim-ligt'; the nearest is 'tim-light'" in run_tool('infer', '--list', 'tim-ligt')


def test_the_next_command_of_the_list_is_one_of_the_console_script(capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('MALLOC_TOP_PAD_', '0')  # the tool would start this process again for its allocator
    monkeypatch.setattr('sys.argv', ['before'])
    cli.main(['infer', '--list'])
    assert 'next:\n  mmfusenas infer --model tim-light' in capsys.readouterr().out


def test_a_file_in_the_place_of_the_folder_of_results(folders: Path, run_tool: Callable) -> None:
    Path('taken').touch()
    assert run_tool('infer', '--model', 'tim-light', '--visible', 'vi', '--infrared', 'ir', '--out-dir', 'taken') == (
        'error: --out-dir taken: taken is a file; give a folder, which is made where it is not there.')


@pytest.mark.parametrize(('suffix', 'begin'), [
    ('.png', b'\x89PNG'), ('', b'\x89PNG'), ('.JPG', b'\xff\xd8\xff'), ('.jpeg', b'\xff\xd8\xff'), ('.tif', b'II*'),
    ('.bmp', b'BM')])
def test_a_result_is_of_the_kind_of_its_suffix(suffix: str, begin: bytes, tmp_path: Path) -> None:
    image = np.full((8, 240, 3), 90, np.uint8)
    result = Result(dict(image=image, boxes=None, scores=None, labels=None, mask=None))
    result.save(tmp_path / f'found{suffix}')
    assert (tmp_path / f'found{suffix}').read_bytes().startswith(begin)
    assert (cv2.imread(str(tmp_path / f'found{suffix}')) == result.plot()).all()


def test_an_image_is_not_written_to_a_file_that_cannot_hold_it(tmp_path: Path) -> None:
    for name, dtype, what in (('a.gif', np.uint8, 'with the suffix .gif'), ('a.jpg', np.uint16, 'of uint16')):
        with pytest.raises(FileNotWrittenError, match=rf'{name}: no image {what} is written.*name it .*a\.png'):
            write_image(tmp_path / name, np.zeros((4, 4), dtype))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    'name', ['infer', 'derive', 'analysis_tools/plot_search', 'analysis_tools/build_latency_table'])
def test_help_shows_an_example(name: str, run_tool: Callable, capsys) -> None:
    assert run_tool(name, '--help') == '0'
    assert f'python tools/{name}.py ' in ' '.join(capsys.readouterr().out.split())
