"""The tool that compares fusion methods."""
import json
import os
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.structures import BaseDataElement

from mmfusenas.apis.comparison import fingerprint_of_words
from mmfusenas.apis.exporting import export_onnx
from mmfusenas.apis.image_task import ImageTask
from mmfusenas.apis.loading import build_model, load_model
from mmfusenas.core.errors import UserError
from mmfusenas.utils.checkpoint import load_checkpoint
from mmfusenas.utils.weights import checkpoint_file

DetDataSample = pytest.importorskip('mmdet.structures', exc_type=ImportError).DetDataSample
SegDataSample = pytest.importorskip('mmseg.structures', exc_type=ImportError).SegDataSample

CLASSES = ('person', 'bicycle', 'car')
STEMS = ('00', '01', '02')
CODE = """
import os
import signal
import numpy as np

class Greedy:
    calls = 0

    def __call__(self, visible, infrared):
        Greedy.calls += 1
        fused = infrared.copy()
        visible[:], infrared[:] = 0, 0
        open('calls', 'w').write(str(Greedy.calls))
        return fused

class Late:
    # Fuses the first images that it sees, later ones once the file 'repaired' is there.
    calls = 0

    def __call__(self, visible, infrared):
        Late.calls += 1
        if Late.calls == 3 and not os.path.exists('repaired'):
            self.end()
        return infrared

    def end(self):
        raise ZeroDivisionError('odd pair')

class Stopped(Late):
    def end(self):
        signal.raise_signal(int(open('signal').read()))

class Float:
    def __call__(self, visible, infrared):
        return visible / 255
"""


@pytest.fixture
def run(run_tool: Callable, capsys: pytest.CaptureFixture) -> Callable[..., tuple[str, str]]:
    """Run the tool; return how it ends and what it printed."""
    return lambda *words: (run_tool('analysis_tools/compare_methods', *words), capsys.readouterr().out)


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three pairs, colour and grey, and their averages; the present folder is an empty one."""
    random = np.random.default_rng(0)
    for stem in STEMS:
        visible = cv2.GaussianBlur(random.integers(0, 256, (64, 96, 3), np.uint8), (0, 0), 2)
        infrared = cv2.GaussianBlur(random.integers(0, 256, (64, 96), np.uint8), (0, 0), 3)
        luma = visible @ [0.114, 0.587, 0.299]
        average = np.clip(np.rint(visible + ((infrared - luma) / 2)[..., None]), 0, 255).astype(np.uint8)
        for folder, image in (('set/vi', visible), ('set/ir', infrared), ('by_hand', average)):
            (tmp_path / folder).mkdir(exist_ok=True, parents=True)
            cv2.imwrite(str(tmp_path / folder / f'{stem}.png'), image)
    (tmp_path / 'work').mkdir()
    (tmp_path / 'own.py').write_text(CODE)
    monkeypatch.chdir(tmp_path / 'work')
    return tmp_path / 'set'


@pytest.mark.parametrize('convention', ['mmfusenas', 'cddfuse'])
def test_the_metrics_are_those_of_fusion_metrics(run: Callable, run_tool: Callable, data: Path,
                                                 convention: str) -> None:
    end, out = run('--methods', 'tim-light,average', '--data', data, '--out-dir', 'out', '--json', 'a.json')
    assert end == '' and 'tim-light' in out
    names = 'visible', 'infrared', 'tim-light', 'average'
    assert run_tool('analysis_tools/fusion_metrics', '--visible', data / 'vi', '--infrared', data / 'ir', '--fused', *(
        f'{name}=out/{name}' for name in names), '--convention', convention, '--json', 'b.json') == ''
    found, other = (json.loads(Path(name).read_text()) for name in ('a.json', 'b.json'))
    assert list(found['methods']) == list(names) and found['pairs'] == 3
    for name in names:
        mine, theirs = found['methods'][name], other['methods'][name]
        for stem in STEMS:
            assert mine['per_image'][stem][convention] == pytest.approx(theirs['per_image'][stem], abs=1e-12)
        for key, score in mine[convention].items():
            assert score['value'] == pytest.approx(theirs['mean'][key])
            assert score['standard_error'] == pytest.approx(theirs['std'][key] / np.sqrt(2))  # of 3 pairs, N - 1 = 2


def test_the_average_is_that_by_hand(run: Callable, data: Path) -> None:
    end, _ = run('--methods', 'average', f'hand:{data.parent / "by_hand"}', 'maximum', '--data', data, '--json',
                 'a.json')
    assert end == ''
    methods = json.loads(Path('a.json').read_text())['methods']
    for convention in ('mmfusenas', 'cddfuse'):
        means = {name: np.array([score['value'] for score in methods[name][convention].values()]) for name in methods}
        assert means['average'] == pytest.approx(means['hand'], rel=2e-3)
        assert np.abs(means['average'] / means['maximum'] - 1).max() > 0.02
    assert methods['hand']['milliseconds'] is None and methods['average']['milliseconds'] > 0


def test_the_onnx_file_of_a_network_has_its_row(run: Callable, data: Path) -> None:
    pytest.importorskip('onnxruntime')
    export_onnx(load_model('tim-light'), 'light.onnx', (64, 96), dynamic=True)
    end, _ = run('--methods', 'tim-light', 'file:light.onnx', 'average', '--data', data, '--json', 'a.json')
    assert end == ''
    methods = json.loads(Path('a.json').read_text())['methods']
    for convention in ('mmfusenas', 'cddfuse'):
        for key, score in methods['tim-light'][convention].items():
            assert methods['file'][convention][key]['value'] == pytest.approx(score['value'], rel=1e-3)


def test_marks_are_of_fused_images(run: Callable, data: Path) -> None:
    end, out = run('--methods', 'average', 'maximum', '--data', data, '--metrics', 'MI', 'Nabf')
    assert end == '' and 'Nabf' in out and '(lower is better)' in out
    first = out.partition('Convention cddfuse')[0]
    cells = {line.split('|')[1].strip(): line.split('|')[2].split() for line in first.splitlines()
             if line.startswith(('| visible', '| infrared', '| average', '| maximum'))}
    assert len(cells['visible']) == len(cells['infrared']) == 1  # a copy of a source wins, and is no fusion
    best = max(('average', 'maximum'), key=lambda name: float(cells[name][0]))
    assert cells[best][1] == '*'
    assert 'Convention mmfusenas: luma (BT.601), values in 0-255, means of 3 pairs' in out and 'threads: ' in out


def test_a_method_is_called_once_to_warm_up_and_spoils_no_other(run: Callable, data: Path) -> None:
    end, _ = run('--methods', f'greedy:{data.parent}/own.py:Greedy', 'infrared', 'average', '--data', data, '--json',
                 'a.json', '--metrics', 'EN')
    assert end == '' and Path('calls').read_text() == '4'
    methods = json.loads(Path('a.json').read_text())['methods']
    for other in ('infrared', 'greedy'):
        assert methods[other]['mmfusenas']['EN']['value'] > 3
    assert methods['greedy']['cddfuse'] == methods['infrared']['cddfuse']
    assert list(methods) == ['visible', 'infrared', 'greedy', 'average']


def tiny_detector(file: Path) -> None:
    """Write the checkpoint of a small detector of random weights, behind the average of the sensors."""
    config = dict(
        _scope_='mmfusenas', type='TaskGuidedDetector', scene=dict(type='FixedFusion', rule='average'), task=dict(
            _scope_='mmdet', type='RetinaNet',
            data_preprocessor=dict(type='DetDataPreprocessor', mean=[127.0] * 3, std=[40.0] * 3, pad_size_divisor=32),
            backbone=dict(type='ResNet', depth=18, base_channels=4, out_indices=(1, 2, 3)),
            neck=dict(type='FPN', out_channels=8, num_outs=3),
            bbox_head=dict(
                type='RetinaHead', num_classes=3, in_channels=8, feat_channels=8, stacked_convs=1,
                anchor_generator=dict(type='AnchorGenerator', octave_base_scale=2, scales_per_octave=1, ratios=[1.0],
                                      strides=[8, 16, 32]), bbox_coder=dict(type='DeltaXYWHBBoxCoder')),
            test_cfg=dict(nms_pre=50, min_bbox_size=0, score_thr=0.0, nms=dict(type='nms', iou_threshold=0.3),
                          max_per_img=4)))
    torch.manual_seed(0)
    model = build_model(config, 'test').eval()
    torch.nn.init.normal_(model.task.bbox_head.retina_cls.weight, std=2.0)
    torch.save(dict(meta=dict(model_cfg=json.dumps(config), dataset_meta=dict(classes=CLASSES)),
                    state_dict=model.state_dict()), file)


def found_by_the_task_alone(checkpoint: str, file: Path) -> BaseDataElement:
    """What the task of a checkpoint, without its scene module, predicts of an image as of any photograph."""
    task = load_model(checkpoint).task
    image = cv2.imread(str(file))
    meta = dict(dict.fromkeys(('img_shape', 'ori_shape', 'pad_shape'), image.shape[:2]), scale_factor=(1.0, 1.0))
    sample = (DetDataSample if hasattr(task, 'bbox_head') else SegDataSample)(metainfo=meta)
    return task.test_step(dict(inputs=[torch.from_numpy(image).permute(2, 0, 1)], data_samples=[sample]))[0]


@pytest.mark.parametrize('method', ['visible', 'average'])
def test_the_detector_sees_what_a_method_made(run: Callable, data: Path, method: str) -> None:
    # What it finds in the images of one method is made the truth: that row alone is perfect.
    tiny_detector(Path('detector.pth'))
    (data / 'labels').mkdir()
    for stem in STEMS:
        folder = data / 'vi' if method == 'visible' else data.parent / 'by_hand'
        found = found_by_the_task_alone('detector.pth', folder / f'{stem}.png').pred_instances.numpy()
        boxes = found.bboxes.clip(0, [96, 64, 96, 64])
        assert len(boxes) == 4
        centres = np.hstack([boxes[:, :2] + boxes[:, 2:], 2 * (boxes[:, 2:] - boxes[:, :2])]) / 2 / [96, 64, 96, 64]
        (data / 'labels' / f'{stem}.txt').write_text('\n'.join(
            f'{label} ' + ' '.join(f'{value:.9f}' for value in row) for label, row in zip(found.labels, centres)))
    end, out = run('--methods', 'average', 'laplacian', '--data', data, '--metrics', 'EN', '--detector', 'detector.pth',
                   '--json', 'a.json')
    assert end == ''
    scores = {name: row['mAP@0.5']['value'] for name, row in json.loads(Path('a.json').read_text())['methods'].items()}
    assert scores.pop(method) == pytest.approx(1, abs=0.05 if method == 'average' else 1e-6)
    assert max(scores.values()) < 0.9
    assert 'a detector of person, bicycle, car, trained on images of its own scene module, FixedFusion. It ' in out


def test_the_segmentor_sees_what_a_method_made(run: Callable, data: Path) -> None:
    weights = load_checkpoint(checkpoint_file('tim-segment-msrs'))
    torch.manual_seed(0)
    weights['state_dict']['task.decode_head.conv_seg.weight'].normal_(0, 1)  # trained ones find nothing in noise
    torch.save(weights, 'segmentor.pth')
    (data / 'seg').mkdir()
    for stem in STEMS:
        mask = found_by_the_task_alone('segmentor.pth', data / 'vi' / f'{stem}.png').pred_sem_seg.data[0]
        cv2.imwrite(str(data / 'seg' / f'{stem}.png'), mask.numpy().astype(np.uint8))
    end, out = run('--methods', 'average', '--data', data, '--metrics', 'EN', '--segmentor', 'segmentor.pth', '--json',
                   'a.json')
    assert end == ''
    scores = {name: row['mIoU']['value'] for name, row in json.loads(Path('a.json').read_text())['methods'].items()}
    assert scores['visible'] > 0.999 and max(scores['infrared'], scores['average']) < 0.9
    assert 'trained on images of its own scene module, TIMFusion. It ' in out
    assert '; 222 pairs of MSRS' in ImageTask('tim-segment-msrs').trained_on
    end, _ = run('--methods', 'average', '--data', data, '--detector', 'tim-segment-msrs')
    assert 'is a segmentor: give it by --segmentor' in end


@pytest.fixture
def same_ctrl_c() -> Iterator[None]:
    """SIGTERM is Ctrl-C to this process, which would end."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
@pytest.mark.usefixtures('same_ctrl_c')
def test_a_comparison_that_is_stopped_keeps_the_methods_that_are_done(run: Callable, data: Path, number: int) -> None:
    own = f'{data.parent}/own.py'
    words = ('--methods', f'greedy:{own}:Greedy', f'stops:{own}:Stopped', 'maximum', '--data', data, '--metrics', 'EN',
             '--json', 'a.json')
    Path('signal').write_text(str(int(number)))
    end, out = run(*words)
    assert end == '130' and 'Not done: stops, maximum. The same command with --resume runs these alone.' in out
    assert re.search(r'\| greedy +\| \d\.', out) and '| maximum' not in out
    found = json.loads(Path('a.json').read_text())
    assert list(found['methods']) == ['visible', 'infrared', 'greedy'] and found['missing'] == ['stops', 'maximum']
    Path('calls').unlink()
    Path('repaired').touch()
    end, out = run(*words, '--resume')
    assert end == '' and not Path('calls').exists() and 'Not done' not in out  # the method that is done is not called
    whole = json.loads(Path('a.json').read_text())
    assert whole['methods'].pop('greedy') == found['methods']['greedy'] and whole['missing'] == []
    assert list(whole['methods']) == ['visible', 'infrared', 'stops', 'maximum']
    assert whole['methods']['stops']['cddfuse'] == whole['methods']['infrared']['cddfuse']
    first = out.partition('Convention cddfuse')[0]
    assert re.search(r'\| greedy +\| \d\.', first) and re.search(r'\| maximum +\| \d\.', first)


def test_a_method_that_fails_late_costs_no_other(run: Callable, data: Path) -> None:
    words = '--methods', f'late:{data.parent}/own.py:Late', 'average', '--data', data, '--conventions', 'mmfusenas'
    end, out = run(*words, '--json', 'a.json')
    assert end.startswith('error: Late of ') and end.endswith('ZeroDivisionError: odd pair')
    assert 'Not done: late (ZeroDivisionError: odd pair). The same command with --resume' in out
    assert re.search(r'\| average +\| \d\.', out)
    found = json.loads(Path('a.json').read_text())
    assert list(found['methods']) == ['visible', 'infrared', 'average'] and found['missing'] == ['late']
    assert found['failed']['late'].startswith('Late of ')
    end, out = run(*words)
    assert end and 'Not done: late (ZeroDivisionError: odd pair). With --json FILE' in out


def test_scores_of_a_task_are_kept(run: Callable, data: Path) -> None:
    tiny_detector(Path('detector.pth'))
    (data / 'labels').mkdir()
    for stem in STEMS:
        (data / 'labels' / f'{stem}.txt').write_text('0 0.5 0.5 0.3 0.3')
    words = ('--data', data, '--conventions', '--detector', 'detector.pth', '--json', 'a.json', '--methods', 'average')
    assert run(*words)[0] == ''
    found = json.loads(Path('a.json').read_text())['methods']
    end, out = run(*words, 'maximum', '--resume')
    assert end == '' and re.search(r'\| average +\| 0\.', out) and re.search(r'\| maximum +\| 0\.', out)
    whole = json.loads(Path('a.json').read_text())['methods']
    assert {name: whole[name] for name in found} == found and 'mAP@0.5' in whole['maximum']
    (data / 'labels/00.txt').write_text('0 0.5 0.5 0.4 0.3')
    assert 'another comparison: annotations are other files' in run(*words, '--resume')[0]


def test_rows_of_other_comparisons_are_not_mixed(run: Callable, data: Path) -> None:
    own = data.parent / 'own.py'
    words = ('--methods', f'greedy:{own}:Greedy', f'hand:{data.parent}/by_hand', '--data', data, '--json', 'a.json',
             '--resume', '--conventions', 'mmfusenas', '--metrics')
    assert run(*words, 'EN')[0] == ''  # there is none to go on with
    kept, calls = Path('a.json').read_bytes(), Path('calls').read_text()

    def refused(*words: object) -> str:
        end, _ = run(*words)
        assert end.startswith('error: a.json ') and '\n' not in end
        assert 'Give another file, or leave --resume out to write over it.' in end
        assert Path('calls').read_text() == calls
        return end

    assert "metrics was {'mmfusenas': ['EN']} and is {'mmfusenas': ['EN', 'SD']}" in refused(*words, 'EN', 'SD')
    assert 'has the method greedy too: name it' in refused(*words[:1], *words[2:], 'EN')
    assert 'out_dir was None' in refused(*words, 'EN', '--out-dir', 'out')
    for file, message in ((own, 'has the method greedy of other files, or'),
                          (data.parent / 'by_hand/01.png', 'has the method hand of other files, or'),
                          (data / 'ir/01.png', 'another comparison: pairs are other files')):
        before = os.stat(file)
        os.utime(file, (1, 1))
        assert message in refused(*words, 'EN')
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert Path('a.json').read_bytes() == kept
    for content in ('{}', '[]', '{"asked": {}, "methods": {"a": 1}}', 'text'):
        Path('a.json').write_text(content)
        assert 'a.json is no' in run(*words, 'EN')[0]
    assert 'give the file too' in run('--methods', 'average', '--data', data, '--resume')[0]


def test_no_image_is_written_among_those_that_are_compared(run: Callable, data: Path) -> None:
    (data / 'ir').rename(data / 'infrared')
    for method, folder in (('average', data), (f'by_hand:{data.parent}/by_hand', data.parent)):
        end, _ = run('--methods', method, '--data', data, '--out-dir', folder, '--conventions', 'mmfusenas')
        assert re.match(r'error: --out-dir .* would write the images of (infrared|by_hand) to .*give another', end)
    assert sorted(file.name for file in data.iterdir()) == ['infrared', 'vi']


def test_weights_beside_an_onnx_file_are_part_of_it(tmp_path: Path) -> None:
    text = f'a:{tmp_path}/a.onnx'
    (tmp_path / 'a.onnx').touch()
    (tmp_path / 'a.onnx.data').write_text('1')
    before = fingerprint_of_words(text)
    assert fingerprint_of_words(text) == before
    (tmp_path / 'a.onnx.data').write_text('12')
    assert fingerprint_of_words(text) != before


def test_the_log_of_a_comparison_says_where_it_stands(data: Path, run_tool: Callable,
                                                      capsys: pytest.CaptureFixture) -> None:
    run_tool('analysis_tools/compare_methods', '--methods', 'average', '--data', data, '--metrics', 'EN')
    lines = capsys.readouterr().err.splitlines()
    assert [line for line in lines if re.fullmatch(r'average \(3 of 3 methods\): 3 of 3 pairs, \d+ s', line)]


@pytest.mark.parametrize(('words', 'message'), [
    (('avrage', ), "no fusion method 'avrage'; the nearest is 'average'. Rules: visible, infrared, average"),
    (('average', 'average'), "The name 'average' of a method is taken"),
    (('a/b:{data}/vi', ), 'no name of a folder'),
    (('float:{data}/../own.py:Float', ), 'float gives float64 values'),
    (('mine:{data}/few', ), "no fused image of '01'"),
    (('average', '--detector', 'tim-light'), 'no detector or segmentor'),
    (('average', '--detector', 'tim-retinanet-msrs'), 'No folder of annotations beside'),
])
def test_what_does_not_fit_is_one_clear_line(run: Callable, data: Path, words: tuple, message: str) -> None:
    (data / 'few').mkdir()
    (data / 'vi/00.png').read_bytes()
    (data / 'few/00.png').write_bytes((data / 'vi/00.png').read_bytes())
    end, _ = run('--methods', *(word.format(data=data) for word in words), '--data', data, '--json', 'a.json')
    assert end.startswith('error:') and message in end and '\n' not in end
    assert not Path('a.json').exists()


def test_pairs_that_do_not_fit(run: Callable, data: Path) -> None:
    assert 'has no folder of visible images' in run('--methods', 'average', '--data', data.parent)[0]
    cv2.imwrite(str(data / 'ir/01.png'), np.zeros((64, 96), np.uint16))
    assert 'is not of 8 bit' in run('--methods', 'average', '--data', data)[0]
    cv2.imwrite(str(data / 'ir/01.png'), np.zeros((32, 96), np.uint8))
    (data / 'vi/02.png').write_bytes(b'no image')
    end, out = run('--methods', f'greedy:{data.parent}/own.py:Greedy', '--data', data)
    assert '01.png differ in size' in end and '02.png (8 bytes) cannot be decoded' in end
    assert not Path('calls').exists()  # all pairs are looked at before anything is fused


def test_a_pair_that_is_too_small_is_named_before_anything_is_fused(run: Callable, data: Path) -> None:
    for folder, shape in (('vi', (5, 7, 3)), ('ir', (5, 7))):
        cv2.imwrite(str(data / folder / '02.png'), np.random.default_rng(0).integers(0, 256, shape, np.uint8))
    end, _ = run('--methods', f'greedy:{data.parent}/own.py:Greedy', '--data', data)
    assert re.search(r'vi/02\.png: Images of 7 x 5 pixels .*too small for this metric', end)
    assert not Path('calls').exists()


def test_annotations_without_a_box_give_no_score(run: Callable, data: Path) -> None:
    tiny_detector(Path('detector.pth'))
    (data / 'labels').mkdir()
    for stem in STEMS:
        (data / 'labels' / f'{stem}.txt').touch()
    end, _ = run('--methods', 'average', '--data', data, '--detector', 'detector.pth')
    assert re.search(r'no box in the annotations of .*/labels, so --detector has no score: give .* --annotations', end)


def test_maps_of_other_classes_are_named(run: Callable, data: Path) -> None:
    (data / 'seg').mkdir()
    for stem in STEMS:
        cv2.imwrite(str(data / 'seg' / f'{stem}.png'), np.full((64, 96), 40, np.uint8))
    end, _ = run('--methods', 'average', '--data', data, '--segmentor', 'tim-segment-msrs')
    assert re.search(r'seg/00\.png: \[40\], and there are 9 classes', end)


def test_a_task_that_sees_the_sensors_is_no_judge(data: Path) -> None:
    tiny_detector(Path('detector.pth'))
    content = torch.load('detector.pth')
    config = json.loads(content['meta']['model_cfg'])
    content['meta']['model_cfg'] = json.dumps(dict(config, sees='channels'))
    torch.save(content, 'channels.pth')
    with pytest.raises(UserError, match="sees='channels'"):
        ImageTask('channels.pth')
