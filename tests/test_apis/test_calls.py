"""What an inferencer is called with, and what it says of anything else."""
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch import nn

from mmfusenas.apis import EnhanceInferencer, FusionInferencer, GuidedSRInferencer, Result
from mmfusenas.core.errors import UserError
from mmfusenas.models.scene import FixedFusion
from mmfusenas.registry import MODELS


@pytest.fixture(scope='module')
def fuse() -> FusionInferencer:
    return FusionInferencer(FixedFusion('average'))


@pytest.fixture(scope='module')
def enhance() -> EnhanceInferencer:
    return EnhanceInferencer(MODELS.build(dict(type='RUASScene', genotype='ruas-scene')))


@pytest.fixture(scope='module')
def upsample() -> GuidedSRInferencer:
    return GuidedSRInferencer(MODELS.build(dict(
        type='GuidedSR', net=dict(type='GuidedSRNet', genotype='dcnas-tiny-16x', channels=8))))


def message(call: Callable, *args: Any, **kwargs: Any) -> str:
    """What a call ends with, an error that is meant for people."""
    with pytest.raises(UserError) as error:
        call(*args, **kwargs)
    return str(error.value)


def test_folders_and_lists_give_what_their_images_give(fuse: FusionInferencer, files: Callable, tmp_path: Path) -> None:
    visible, infrared = files('vi', 'a.png', 'b.png'), files('ir', 'b.png', 'a.png')
    (tmp_path / 'vi.txt').write_text('vi/b.png\n')
    (tmp_path / 'ir.txt').write_text('ir/b.png\n')
    each = [fuse(visible / name, infrared / name)['image'] for name in ('a.png', 'b.png')]
    for results in (fuse(visible, str(infrared)), fuse(visible, infrared, batch_size=2)):
        assert [result.paths for result in results] == [(f'{visible}/{name}', f'{infrared}/{name}')
                                                        for name in ('a.png', 'b.png')]
        np.testing.assert_array_equal([result['image'] for result in results], each)
    listed, = fuse(tmp_path / 'vi.txt', tmp_path / 'ir.txt')
    np.testing.assert_array_equal(listed['image'], each[1])


def test_a_folder_of_one_sensor_and_of_targets(
        enhance: EnhanceInferencer, upsample: GuidedSRInferencer, files: Callable) -> None:
    folder = files('in', 'a.png', 'b.png')
    assert [Path(*result.paths).name for result in enhance(folder)] == ['a.png', 'b.png']
    guided = upsample(folder, files('guide', 'a.png', 'b.png'))
    assert [result['restored'].shape for result in guided] == [(24, 32)] * 2


def test_a_folder_with_gaps_or_of_one_sensor_alone_falls_back(files: Callable) -> None:
    fuse = FusionInferencer(FixedFusion('average'), missing='fallback')
    visible, infrared = files('vi', 'a.png', 'b.png'), files('ir', 'a.png')
    assert [result.get('replaced') for result in fuse(visible, infrared)] == [None, 'infrared']
    assert [result['replaced'] for result in fuse(None, visible)] == ['visible'] * 2


def test_images_are_given_by_name_too(fuse: FusionInferencer, image: Callable) -> None:
    visible, infrared = image(31, 45, 3), image(31, 45, seed=1)
    expected = fuse(visible, infrared)['image']
    np.testing.assert_array_equal(fuse(infrared=infrared, visible=visible)['image'], expected)
    np.testing.assert_array_equal(fuse(visible, infrared=infrared)['image'], expected)


def test_another_number_of_images_is_named(
        fuse: FusionInferencer, enhance: EnhanceInferencer, upsample: GuidedSRInferencer, files: Callable) -> None:
    start = re.escape('FusionInferencer takes visible and infrared: infer(visible, infrared); got ')
    assert re.match(start + r"no infrared\. .*None in its place to a FusionInferencer\(..., missing='fallback'\)",
                    message(fuse, 'a.png'))
    assert re.match(start + 'no visible and no infrared', message(fuse))
    assert re.match(start + '3 images', message(fuse, 'a.png', 'b.png', 'c.png'))
    assert message(fuse, ('a.png', 'b.png')).endswith('One input of several images is given as infer(*images).')
    falls_back = FusionInferencer(FixedFusion('average'), missing='fallback')
    assert message(falls_back, 'a.png').endswith('got no infrared.')
    assert message(fuse, 'a' * 5000, 'b.png')
    assert re.match(start + 'visible twice', message(fuse, 'a.png', visible='b.png'))
    assert 'There is no infrared image. ' in message(fuse, 'a.png', None)
    assert "missing='fallback'" in message(fuse, files('vi', 'a.png'), None)
    assert re.search('takes image: .*got 2 images. Use FusionInferencer', message(enhance, 'a.png', 'b.png'))
    assert 'takes target and guide: infer(target, guide); got no guide.' in message(upsample, 'a.png')
    assert '2 as target, one as guide' in message(upsample, ['a.png', 'b.png'], 'c.png')
    assert 'What is given as infrared is a ndarray beside a folder' in message(
        fuse, files('vi', 'a.png'), np.zeros((4, 4), np.uint8))


def test_an_inferencer_of_ones_own_reads_as_it_likes(image: Callable) -> None:
    class Own(FusionInferencer):
        def read(self, *images: np.ndarray) -> dict[str, Any]:
            return super().read(*images)

    class Labelled(FusionInferencer):
        def read(self, visible: np.ndarray, infrared: np.ndarray, label: str = '') -> dict[str, Any]:
            return super().read(visible, infrared)

    pair = image(31, 45, 3), image(31, 45, seed=1)
    expected = FusionInferencer(FixedFusion('average'))(*pair)['image']
    for kind in (Own, Labelled):
        np.testing.assert_array_equal(kind(FixedFusion('average'))(*pair)['image'], expected)


@pytest.mark.parametrize(('name', 'hint'), [
    ('score_thr', 'give it where the inferencer is made: FusionInferencer(..., score_thr=1)'),
    ('resize', 'give it where the inferencer is made: FusionInferencer(..., resize=1)'),
    ('pred_score_thr', 'it is score_thr, where the inferencer is made'),
    ('out_dir', 'result.save(PATH)'), ('show', 'result.plot()'), ('batchsize', "the nearest is 'batch_size'")])
def test_an_unknown_argument_of_a_call_is_named(fuse: FusionInferencer, name: str, hint: str) -> None:
    text = message(fuse, 'a.png', 'b.png', **{name: 1})
    assert text.startswith(f'FusionInferencer got {name}=, which its call does not take; ') and hint in text
    assert text.endswith('There are: visible, infrared, batch_size.')


@pytest.mark.parametrize(('kind', 'name', 'hint'), [
    (FusionInferencer, 'score_threshold', '; it is score_thr.'), (GuidedSRInferencer, 'weights', '; it is checkpoint.'),
    (EnhanceInferencer, 'denoises', "; the nearest is 'denoise'."), (EnhanceInferencer, 'resize', ' take.')])
def test_an_unknown_argument_of_an_inferencer_is_named(kind: type, name: str, hint: str) -> None:
    text = message(kind, nn.Identity(), **{name: 0.5})
    assert text.startswith(f'{kind.__name__} got {name}=, which it does not take') and hint in text
    assert 'There are: model, checkpoint, device, score_thr' in text
    assert ('missing' in text) == (kind is FusionInferencer)


@pytest.mark.parametrize('pairs', ['vi', ('vi', 'ir'), [('a.png', 'b.png')], None, iter(())])
def test_run_says_what_it_takes(fuse: FusionInferencer, pairs: Any, tmp_path: Path) -> None:
    assert 'it takes what input_pairs(VISIBLE, INFRARED)' in message(fuse.run, pairs, tmp_path / 'out')
    assert not (tmp_path / 'out').exists()


def test_a_result_is_shown_in_a_line(fuse: FusionInferencer, files: Callable, image: Callable) -> None:
    visible, infrared = files('vi', 'a_vi.png') / 'a_vi.png', files('ir', 'a_ir.png') / 'a_ir.png'
    assert re.fullmatch(r'Result\(a_vi.png, a_ir.png, 32 x 24, \d+\.\d\d s\)', repr(fuse(visible, infrared)))
    assert repr(fuse(visible, visible)).startswith('Result(a_vi.png, 32 x 24, ')
    assert re.fullmatch(r'\[Result\(the visible array, the infrared array, 45 x 31, .*\)\]', str(
        fuse([image(31, 45)], [image(31, 45)])))
    meta, nothing = dict(classes=('person', 'car')), dict.fromkeys(('boxes', 'scores', 'labels', 'mask'))
    shown = np.zeros((4, 6, 3), np.uint8)
    boxes = dict(nothing, boxes=np.zeros((3, 4)), scores=np.ones(3), labels=np.array([1, 0, 1]))
    assert repr(Result(dict(boxes, image=shown), meta)) == 'Result(6 x 4, 3 boxes: 2 car, 1 person)'
    boxes = dict(nothing, boxes=np.zeros((0, 4)), scores=np.ones(0), labels=np.zeros(0, int))
    assert repr(Result(dict(boxes, image=shown, replaced='infrared'), meta, ['a'], 0.5)) == (
        'Result(a, 6 x 4, 0 boxes, infrared image replaced, 0.50 s)')
    copied = Result(dict(boxes, image=shown), meta, ['a'], 0.5).copy()
    assert repr(copied) == 'Result(a, 6 x 4, 0 boxes, 0.50 s)'
    masked = Result(dict(nothing, image=shown, mask=np.array([[0, 0], [1, 7]], np.uint8)), meta)
    assert repr(masked) == 'Result(6 x 4, map of person, car, 7)'
