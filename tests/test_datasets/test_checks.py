"""The checks, one by one."""
import cv2
import numpy as np
import pytest

from mmfusenas.datasets.checks import (
    check_boxes,
    check_classes,
    check_infrared_colour,
    check_pair,
    check_same_images,
    check_same_videos,
    check_values,
)
from mmfusenas.datasets.leaves import resizes_pairs


def kinds(problems):
    return [(problem.level, problem.kind) for problem in problems]


def write_pair(folder, visible, infrared, **more):
    paths = dict(img_path=str(folder / 'vi.png'), infrared_path=str(folder / 'ir.png'))
    for path, image in zip(paths.values(), (visible, infrared)):
        if image is not None:
            cv2.imwrite(path, image)
    return dict(**paths, **more)


def test_a_good_pair_has_nothing(tmp_path, make_image):
    visible = make_image(0, (24, 32), 3)
    facts = check_pair(write_pair(tmp_path, visible, make_image(1, (24, 32)), height=24, width=32, instances=[]))
    assert facts.problems == [] and facts.labels == []
    assert facts.size == (24, 32) and facts.depths == ('uint8', 'uint8')
    drawn = check_pair(dict(img_path='a', infrared_path='b', img=visible, infrared=make_image(1, (24, 32))))
    assert drawn.problems == [] and drawn.labels is None and drawn.digest == facts.digest


def test_an_image_alone_and_one_with_a_reference(tmp_path, make_image):
    image = make_image(0, (24, 32), 3)
    info = write_pair(tmp_path, image, make_image(1, (24, 32), 3, np.uint16))
    alone = check_pair(dict(img_path=info['img_path']))
    assert alone.problems == [] and (alone.sensors, alone.depths) == (('visible', ), ('uint8', ))
    referenced = check_pair(dict(img_path=info['img_path'], reference_path=info['infrared_path']))
    assert kinds(referenced.problems) == [('warning', 'uint16 image')]  # a reference may be in colour
    assert referenced.sensors == ('visible', 'reference') and referenced.digest == alone.digest
    assert referenced.depths == ('uint8', 'uint16')
    drawn = check_pair(dict(img_path='a', reference_path='b', img=image, reference=np.zeros_like(image)))
    assert kinds(drawn.problems) == [('warning', 'constant image')] and drawn.problems[0].where == 'b'


@pytest.mark.parametrize('allowed, level', [(False, 'error'), (True, 'warning')])
def test_a_reference_of_another_size(make_image, allowed, level):
    facts = check_pair(dict(img_path='a', reference_path='b', img=make_image(0, (24, 32), 3),
                            reference=make_image(1, (48, 64), 3)), sizes_may_differ=allowed)
    assert kinds(facts.problems) == [(level, 'sizes differ')]
    assert facts.problems[0].message.startswith('32 x 24, and b is 64 x 48')


def test_an_array_is_a_target(tmp_path, make_image):
    info = write_pair(tmp_path, make_image(0, (24, 32), 3), None)
    np.save(tmp_path / 'depth.npy', np.random.default_rng(0).random((24, 32), np.float32))
    facts = check_pair(dict(img_path=info['img_path'], infrared_path=str(tmp_path / 'depth.npy')))
    assert all(problem.level == 'warning' for problem in facts.problems) and facts.depths == ('uint8', 'float32')


@pytest.mark.parametrize('step, differ', [
    (dict(type='LoadPairFromFile'), False), (dict(type='LoadPairFromFile', resize='visible'), True),
    (dict(type='LoadPairFromFile', crop_reference=True), True), (dict(type='LoadGuidedFromFile'), True)])
def test_which_loading_takes_several_sizes(step, differ):
    assert bool(resizes_pairs(dict(pipeline=[step, dict(type='RandomFlip', resize=1)]))) is differ


def test_an_unreadable_reference(tmp_path, make_image):
    info = write_pair(tmp_path, make_image(0, (24, 32), 3), None)
    problem, = check_pair(dict(img_path=info['img_path'], reference_path=info['infrared_path'])).problems
    assert (problem.kind, problem.where) == ('unreadable image', info['infrared_path'])


def test_unreadable_images(tmp_path, make_image):
    info = write_pair(tmp_path, make_image(0, (24, 32), 3), None)
    (tmp_path / 'vi.png').write_bytes(b'')
    assert kinds(check_pair(info).problems) == [('error', 'unreadable image')] * 2


@pytest.mark.parametrize('allowed, level', [(False, 'error'), (True, 'warning')])
def test_sizes_that_differ(tmp_path, make_image, allowed, level):
    info = write_pair(tmp_path, make_image(0, (24, 32), 3), make_image(1, (12, 16)))
    problems = check_pair(info, sizes_may_differ=allowed).problems
    assert kinds(problems) == [(level, 'sizes differ')] and '32 x 24' in problems[0].message


def test_annotated_size(tmp_path, make_image):
    info = write_pair(tmp_path, make_image(0, (24, 32), 3), make_image(1, (24, 32)), height=48, width=64)
    problems = check_pair(info).problems
    assert kinds(problems) == [('error', 'annotated size is wrong')]
    assert problems[0].message.startswith('annotated as 64 x 48, but 32 x 24')


def test_values():
    assert kinds(check_values(np.full((4, 4), 7, np.uint8), 'a')) == [('warning', 'constant image')]
    deep = check_values(np.array([[0, 16000]], np.uint16), 'a')
    assert kinds(deep) == [('warning', 'uint16 image')] and 'from 0 to 16000, 14 bits' in deep[0].message
    full = check_values(np.array([[0, 65535]], np.uint16), 'a')
    assert 'bits' not in full[0].message
    assert kinds(check_values(np.array([[0, np.nan]], np.float32), 'a')) == [('error', 'NaN or infinity')]
    assert check_values(np.array([[0, 255]], np.uint8), 'a') == []


def test_infrared_in_colour(make_image):
    grey = make_image(0, (24, 32))
    equal = np.repeat(grey[..., None], 3, axis=2)
    assert check_infrared_colour(grey, 'a') == check_infrared_colour(equal, 'a') == []
    noise = np.clip(equal.astype(int) + np.random.default_rng(0).integers(-2, 3, equal.shape), 0, 255).astype(np.uint8)
    assert check_infrared_colour(noise, 'a') == []  # as JPEG leaves it
    assert check_infrared_colour(np.random.default_rng(0).random((8, 8, 3), np.float32), 'a') == []
    false_colour = cv2.applyColorMap(grey, cv2.COLORMAP_JET)
    assert kinds(check_infrared_colour(false_colour, 'a')) == [('warning', 'infrared image in colour')]


def test_boxes():
    box = [2.0, 3.0, 22.0, 13.0]
    near = [2.1, 3.0, 22.0, 13.0]

    def item(bbox, label=0):
        return dict(bbox=bbox, bbox_label=label, ignore_flag=0)

    assert kinds(check_boxes([item(box), item(near)], 'a')) == [('warning', 'box twice')]
    assert check_boxes([item(box), item(near, 1), item([2, 3, 22, 20])], 'a') == []
    assert kinds(check_boxes([item([2, 3, 20, 6.9])], 'a')) == [('warning', 'tiny box')]


def test_classes():
    counts, problems = check_classes([0, 0, 2], ('person', 'bicycle', 'car'), 'train')
    assert counts == dict(person=2, car=1)
    assert kinds(problems) == [('warning', 'class without a box')] and problems[0].message == "'bicycle'"


def test_same_images_and_same_videos():
    same = check_same_images({'x': 'train/a.png', 'y': 'train/b.png'}, {'x': 'test/c.png'}, ('train', 'test'))
    assert kinds(same) == [('error', 'same image in train and test')]
    assert (same[0].where, same[0].message) == ('test/c.png', 'is train/a.png')
    near = check_same_videos(
        ['train/00010D.png', 'train/00500N.png'], ['test/00019D.png', 'test/00021D.png', 'test/00010N.png'],
        ('train', 'test'), gap=10)
    assert [problem.where for problem in near] == ['test/00019D.png']
