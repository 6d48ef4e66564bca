"""Inputs of one size are computed at once, and each gets what it gets alone."""
import json
import signal
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from mmfusenas.apis import EnhanceInferencer, ExportedModel, FusionInferencer, GuidedSRInferencer, input_pairs
from mmfusenas.apis.base_inferencer import BaseInferencer
from mmfusenas.apis.exporting import export_onnx
from mmfusenas.apis.loading import build_model
from mmfusenas.core.errors import InputError
from mmfusenas.datasets.homography import Homography
from mmfusenas.datasets.images import ImageError, write_image
from mmfusenas.datasets.pairing import Pair
from mmfusenas.models.scene import FixedFusion, TIMFusion

SIZES = ((48, 64), (48, 64), (40, 56), (48, 64))
RUAS = dict(type='RUASEnhancement', scene=dict(type='RUASScene', genotype='ruas-scene'),
            task=dict(type='NoiseRemoval', genotype='ruas-denoise'), estimation=dict(type='NoiseEstimation'))
DEPTH = dict(type='GuidedSR', net=dict(type='GuidedSRNet', genotype='dcnas-tiny-16x', channels=8))


@pytest.fixture
def pairs(image: Callable) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Pairs of which the third is of another size."""
    return ([image(*size, 3, seed=seed) for seed, size in enumerate(SIZES)],
            [image(*size, seed=seed + 9) for seed, size in enumerate(SIZES)])


def sizes_of_batches(module: nn.Module) -> list[int]:
    """Return a list that grows by the number of images whenever the module runs."""
    sizes: list[int] = []
    module.register_forward_hook(lambda _, inputs, __: sizes.append(len(inputs[0])))
    return sizes


def check(infer: BaseInferencer, inputs: Sequence[Sequence[np.ndarray]], watched: nn.Module) -> list[Any]:
    """Compare batches of four with inputs one by one; return the results."""
    alone = [infer(*each) for each in zip(*inputs, strict=True)]
    sizes = sizes_of_batches(watched)
    together = infer(*map(list, inputs), batch_size=4)
    assert sizes == [2, 1, 1]
    for one, other in zip(alone, together, strict=True):
        assert one.keys() == other.keys()
        assert np.abs(one['image'].astype(int) - other['image']).max() <= 1
    assert infer(*map(list, inputs))[1]['image'].shape == together[1]['image'].shape and sizes[3:] == [1] * 4
    return [alone, together]


def test_a_fusion_network(pairs: tuple) -> None:
    torch.manual_seed(0)
    infer = FusionInferencer(TIMFusion(genotype='tim-light', channels=4))
    check(infer, pairs, next(module for module in infer.model.modules() if isinstance(module, nn.Conv2d)))


@pytest.mark.parametrize('channels', [None, 4])
def test_a_detector(channels: int | None, pairs: tuple, detector_config: Callable) -> None:
    torch.manual_seed(0)
    scene = dict(type='TIMFusion', genotype='tim-light', channels=channels) if channels else {}
    infer = FusionInferencer(build_model(detector_config(**scene), 'test'), score_thr=0.0)
    for one, other in zip(*check(infer, pairs, infer.model.task.backbone.conv1), strict=True):
        np.testing.assert_array_equal(one['labels'], other['labels'])
        np.testing.assert_allclose(one['boxes'], other['boxes'], atol=1e-2)
        np.testing.assert_allclose(one['scores'], other['scores'], atol=1e-4)


def test_a_detector_that_sees_resized_pairs(pairs: tuple, detector_config: Callable) -> None:
    model = build_model(detector_config(), 'test')
    model.test_pipeline = [
        dict(type='LoadPairFromFile'),
        dict(type='JointTransform', transforms=[dict(type='mmdet.Resize', scale=(32, 32), keep_ratio=True)]),
        dict(type='PackPairDetInputs')]  # fmt: skip
    infer = FusionInferencer(model, score_thr=0.0)
    for one, other in zip(*check(infer, pairs, infer.model.task.backbone.conv1), strict=True):
        assert other['image'].shape[0] in (40, 48)
        np.testing.assert_allclose(one['boxes'], other['boxes'], atol=1e-2)


def test_a_segmentor(pairs: tuple, segmentor_config: Callable, randomise: Callable) -> None:
    model = randomise(build_model(segmentor_config(3), 'test')).float()
    head = model.task.decode_head.conv_seg
    head.register_forward_hook(lambda _, __, logits: logits - logits.mean((2, 3), keepdim=True))  # no class is first
    infer = FusionInferencer(model)
    for one, other in zip(*check(infer, pairs, infer.model.task.backbone.conv1), strict=True):
        assert (one['mask'] == other['mask']).mean() > 0.99 and len(np.unique(one['mask'])) > 1


def test_what_ruas_says_of_each_image(pairs: tuple) -> None:
    torch.manual_seed(0)
    infer = EnhanceInferencer(build_model(RUAS, 'test'))
    infer.model.threshold = float(np.median([infer(image)['noise_level'] for image in pairs[0]]))
    first = next(module for module in infer.model.scene.modules() if isinstance(module, nn.Conv2d))
    for one, other in zip(*check(infer, pairs[:1], first), strict=True):
        assert other['noise_level'] == pytest.approx(one['noise_level'], rel=1e-4)


def test_targets_keep_their_units(image: Callable) -> None:
    torch.manual_seed(0)
    model = build_model(DEPTH, 'test')
    torch.nn.init.normal_(model.net.tail[1].weight, std=0.01)
    infer = GuidedSRInferencer(model)
    guides = [image(*size, 3, seed=seed) for seed, size in enumerate(SIZES)]
    targets = [image(height // 4, width // 4, seed=seed).astype(dtype) * factor for seed, (height, width), dtype, factor
               in zip(range(4), SIZES, (np.uint16, np.float32, np.uint16, np.uint16), (20, 0.01, 3, 1), strict=True)]
    first = next(module for module in infer.model.net.modules() if isinstance(module, nn.Conv2d))
    for one, other in zip(*check(infer, (targets, guides), first), strict=True):
        np.testing.assert_allclose(other['restored'], one['restored'], rtol=1e-4, atol=1e-4)
        if 'restored_16' in one:
            assert np.abs(one['restored_16'].astype(int) - other['restored_16']).max() <= 1


def test_a_folder_is_run_in_batches_and_an_unreadable_image_costs_no_other(files: Callable, tmp_path: Path) -> None:
    names = [f'{number}.png' for number in range(5)]
    visible, infrared = files('vi', *names), files('ir', *names)
    infer = FusionInferencer(TIMFusion(genotype='tim-light', channels=4))
    first = next(module for module in infer.model.modules() if isinstance(module, nn.Conv2d))
    sizes = sizes_of_batches(first)
    infer.run(input_pairs(visible, infrared), tmp_path / 'whole', batch_size=3)
    assert sizes == [3, 2]
    (infrared / '1.png').write_bytes((infrared / '1.png').read_bytes()[:90])
    with pytest.raises(ImageError, match='1 of 5 inputs could not be used'):
        infer.run(input_pairs(visible, infrared), tmp_path / 'out', batch_size=3)
    found = json.loads((tmp_path / 'out/predictions.json').read_text())
    assert [each['stem'] for each in found['images']] == ['0', '2', '3', '4'] and list(found['failed']) == ['1']


@pytest.mark.parametrize('size', [0, -1, 1.5, True, 'all'])
def test_no_size_of_a_batch(size: Any, pairs: tuple, tmp_path: Path) -> None:
    infer = FusionInferencer(FixedFusion('average'))
    with pytest.raises(InputError, match=f'batch_size={size!r}; it is a whole number from 1'):
        infer(*pairs, batch_size=size)
    with pytest.raises(InputError, match='whole number'):
        infer(pairs[0][0], pairs[1][0], batch_size=size)
    with pytest.raises(InputError, match='whole number'):
        infer.run([], tmp_path / 'out', batch_size=size)


def test_what_a_failed_batch_held_is_free_when_its_images_are_tried_alone(
        files: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    infer, held, alive = FusionInferencer(FixedFusion('average')), [], []
    fuse = FixedFusion.fuse

    def short_of_memory(self: FixedFusion, visible: torch.Tensor, infrared: torch.Tensor) -> torch.Tensor:
        alive.append([reference() is not None for reference in held])
        if len(visible) > 1:
            held.append(weakref.ref(visible))
            raise MemoryError('no room')
        return fuse(self, visible, infrared)

    monkeypatch.setattr(FixedFusion, 'fuse', short_of_memory)
    folders = files('vi', '0.png', '1.png'), files('ir', '0.png', '1.png')
    infer.run(input_pairs(*folders), tmp_path / 'out', batch_size=2)
    assert alive == [[], [False], [False]]


def fails_on(monkeypatch: pytest.MonkeyPatch, error: Callable[[list], BaseException | None]) -> None:
    """Let the rule fail by the sizes of the batches that it was given."""
    fuse, sizes = FixedFusion.fuse, []

    def failing(self: FixedFusion, visible: torch.Tensor, infrared: torch.Tensor) -> torch.Tensor:
        sizes.append(len(visible))
        if raised := error(sizes):
            raise raised
        return fuse(self, visible, infrared)

    monkeypatch.setattr(FixedFusion, 'fuse', failing)


def stems(folder: Path) -> list[str]:
    return [each['stem'] for each in json.loads((folder / 'predictions.json').read_text())['images']]


def test_a_failed_batch_counts_its_pairs_once_for_a_moved_camera(files: Callable, tmp_path: Path,
                                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    fails_on(monkeypatch, lambda sizes: MemoryError('no room') if sizes[-1] > 1 else None)
    monkeypatch.setattr(Homography, 'offset', lambda *_: np.array([0.1, 0.0]))
    names = [f'{number}.png' for number in range(3)]
    infer = FusionInferencer(FixedFusion('average'), homography=np.eye(3))
    infer.run(input_pairs(files('vi', *names), files('ir', *names)), tmp_path / 'out', batch_size=3)
    assert stems(tmp_path / 'out') == ['0', '1', '2'] and len(infer.offsets) == 3


def test_a_stop_within_a_batch_keeps_the_images_that_are_done(files: Callable, tmp_path: Path,
                                                              monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(sizes: list) -> BaseException | None:  # the batch fails, and then the second of its images stops
        return {1: MemoryError('no room'), 3: KeyboardInterrupt()}.get(len(sizes))

    fails_on(monkeypatch, stop)
    names = [f'{number}.png' for number in range(3)]
    pairs = input_pairs(files('vi', *names), files('ir', *names))
    infer = FusionInferencer(FixedFusion('average'))
    with pytest.raises(KeyboardInterrupt):
        infer.run(pairs, tmp_path / 'out', batch_size=3)
    assert stems(tmp_path / 'out') == ['0'] and (tmp_path / 'out/images/0.png').is_file()


def test_a_stop_lets_the_images_be_written_that_are_computed(files: Callable, tmp_path: Path,
                                                             monkeypatch: pytest.MonkeyPatch) -> None:
    save = FusionInferencer._save

    def stopped(self: FusionInferencer, pair: Pair, *words: Any) -> dict:
        if pair.stem == '0':
            signal.raise_signal(signal.SIGINT)
        return save(self, pair, *words)

    monkeypatch.setattr(FusionInferencer, '_save', stopped)
    names = [f'{number}.png' for number in range(5)]
    pairs = input_pairs(files('vi', *names), files('ir', *names))
    with pytest.raises(KeyboardInterrupt):
        FusionInferencer(FixedFusion('average')).run(pairs, tmp_path / 'out', batch_size=2)
    assert stems(tmp_path / 'out') == ['0', '1']


def test_a_size_that_stops_keeps_those_before_it_in_the_batch(tmp_path: Path, image: Callable,
                                                              monkeypatch: pytest.MonkeyPatch) -> None:
    for folder, channels in (('vi', (3, )), ('ir', ())):
        for number, size in enumerate(SIZES):
            write_image(tmp_path / folder / f'{number}.png', image(*size, *channels, seed=number))
    fails_on(monkeypatch, lambda sizes: KeyboardInterrupt() if len(sizes) == 2 else None)
    with pytest.raises(KeyboardInterrupt):
        FusionInferencer(FixedFusion('average')).run(
            input_pairs(tmp_path / 'vi', tmp_path / 'ir'), tmp_path / 'out', batch_size=4)
    assert stems(tmp_path / 'out') == ['0', '1']


def test_progress_counts_images(files: Callable, pairs: tuple, tmp_path: Path, capsys,
                                monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('mmfusenas.utils.progress.INTERVAL', 0)
    names = [f'{number}.png' for number in range(5)]
    infer = FusionInferencer(FixedFusion('average'))
    infer.run(input_pairs(files('vi', *names), files('ir', *names)), tmp_path / 'out', batch_size=3)
    assert [line.split(',')[0] for line in capsys.readouterr().err.splitlines() if line.startswith('working')] == [
        'working: 3 of 5 images', 'working: 5 of 5 images']
    infer(*pairs, batch_size=4)
    assert 'working: 4 of 4 images' in capsys.readouterr().err


def test_a_graph_takes_one_at_a_time(pairs: tuple, tmp_path: Path) -> None:
    pytest.importorskip('onnxruntime')
    export_onnx(FixedFusion('average'), tmp_path / 'average.onnx', (48, 64), dynamic=True)
    infer = FusionInferencer(ExportedModel(tmp_path / 'average.onnx'))
    assert len(infer(*pairs)) == 4
    with pytest.raises(InputError, match='takes one input at a time: leave batch_size=2 out'):
        infer(*pairs, batch_size=2)
