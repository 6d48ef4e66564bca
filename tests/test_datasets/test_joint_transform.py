"""Both images and the boxes move together; flips and crops are exact in any depth."""
import numpy as np
import pytest
import torch

from mmfusenas.datasets.transforms import ClipBoxes, JointTransform, RandomPatch, RandomQuarterTurn

BOX = (10, 8, 34, 26)


def sample(dtype=np.uint8, dtype2=np.uint16, size=(48, 64), box=BOX):
    """A pair that is dark but for the box, which is bright in both images, with mdet's box of it."""
    from mmdet.structures.bbox import HorizontalBoxes

    x1, y1, x2, y2 = box
    visible = np.zeros((*size, 3), dtype)
    infrared = np.zeros(size, dtype2)
    visible[y1:y2, x1:x2] = (10, 200, 90)
    infrared[y1:y2, x1:x2] = np.iinfo(dtype2).max
    return dict(
        img=visible, infrared=infrared, img_shape=size, gt_bboxes=HorizontalBoxes([box], dtype=torch.float32),
        gt_bboxes_labels=np.array([2]), gt_ignore_flags=np.array([False]))


def extent(mask):
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])


@pytest.mark.parametrize('seed', range(3))
@pytest.mark.parametrize('transform', [
    dict(type='mmdet.RandomFlip', prob=[0.3, 0.3, 0.4], direction=['horizontal', 'vertical', 'diagonal']),
    dict(type='mmdet.Resize', scale=(96, 96), keep_ratio=True),
    dict(type='mmdet.Resize', scale=(50, 70), keep_ratio=False),
    dict(type='RandomChoiceResize', scales=[(32, 48), (80, 80)], keep_ratio=True, resize_type='mmdet.Resize'),
    dict(type='mmdet.RandomCrop', crop_size=(40, 36), allow_negative_crop=True),
    dict(type='mmdet.RandomShift', prob=1.0, max_shift_px=8),
    dict(type='mmdet.Pad', size=(80, 60)),
    dict(type='mmdet.RandomAffine', max_rotate_degree=0, max_shear_degree=0, border_val=(0, 0, 0)),
    dict(type='mmdet.MinIoURandomCrop'),
], ids=lambda transform: transform['type'])
def test_images_and_box_move_together(transform, seed):
    np.random.seed(seed)
    moved = JointTransform([transform])(sample(np.uint8, np.uint8))
    assert moved['img'].shape[:2] == moved['infrared'].shape == moved['img_shape']
    if len(moved['gt_bboxes']):
        box = moved['gt_bboxes'].tensor[0].numpy()
        for mask in (moved['img'][..., 1] > 100, moved['infrared'] > 127):
            assert np.abs(extent(mask) - box).max() <= 1.01
    else:
        assert not (moved['img'] > 100).any() and not (moved['infrared'] > 127).any()


@pytest.mark.parametrize('seed', range(3))
@pytest.mark.parametrize('transform', [
    dict(type='RandomFlip', prob=[0.3, 0.3, 0.4], direction=['horizontal', 'vertical', 'diagonal']),
    dict(type='mmdet.RandomFlip', prob=0.5),
    dict(type='RandomPatch', size=(20, 30)),
    dict(type='RandomResize', scale=(64, 48), ratio_range=(0.5, 2.0), keep_ratio=True),
    dict(type='mmdet.Resize', scale=(50, 70), keep_ratio=False),
    dict(type='mmdet.RandomCrop', crop_size=(40, 36), allow_negative_crop=True),
    dict(type='mmdet.MinIoURandomCrop'),
    dict(type='mmdet.RandomShift', prob=1.0, max_shift_px=8),
    dict(type='mmdet.Pad', size=(80, 60), pad_val=dict(img=114)),
    dict(type='mmdet.RandomAffine'),
    dict(type='mmdet.Rotate', prob=1.0, level=6),
    dict(type='mmdet.ShearX', prob=1.0, level=6),
    dict(type='mmdet.Expand', seg_ignore_label=255),
    dict(type='mmseg.RandomCrop', crop_size=(20, 24), cat_max_ratio=0.75),
    dict(type='mmseg.RandomRotate', prob=1.0, degree=20),
], ids=lambda transform: transform['type'])
def test_image_and_reference_move_together(transform, seed):
    boxes = transform['type'].startswith('mmdet.')
    steps = JointTransform([transform, dict(type='mmdet.RandomFlip' if boxes else 'RandomFlip', prob=0.5)])
    image = np.random.default_rng(seed).integers(0, 256, (48, 64, 3), dtype=np.uint8)

    def run(**more):
        given = {key: value for key, value in sample().items() if key != 'infrared' and (boxes or key == 'img_shape')}
        np.random.seed(seed)
        maps = dict(gt_seg_map=image[..., 0] // 128, seg_fields=['gt_seg_map'])
        return steps(dict(given, img=image.copy(), **maps, **more)), np.random.random()

    moved, following = run(reference=image.copy())
    assert np.array_equal(moved['img'], moved['reference']) and moved['reference'].flags.c_contiguous
    alone, following_alone = run()  # a reference changes nothing else
    assert following == following_alone and set(moved) - set(alone) == {'reference'}
    assert np.array_equal(alone['img'], moved['img']) and np.array_equal(alone['gt_seg_map'], moved['gt_seg_map'])
    if boxes:
        assert np.array_equal(alone['gt_bboxes'].tensor, moved['gt_bboxes'].tensor)


def test_a_pair_with_a_reference_keeps_all_three_together(make_image):
    visible, infrared = make_image(0, (24, 32), 3), make_image(1, (24, 32), dtype=np.uint16)
    np.random.seed(3)
    moved = JointTransform([dict(type='RandomPatch', size=(10, 12)), dict(type='RandomFlip', prob=1.0)])(
        dict(img=visible, infrared=infrared, reference=visible // 2))
    assert np.array_equal(moved['img'] // 2, moved['reference']) and moved['reference'].shape == (10, 12, 3)
    assert moved['infrared'].dtype == np.uint16 and moved['infrared'].shape == (10, 12)
    y, x = next((y, x) for y in range(15) for x in range(21)
                if np.array_equal(visible[y:y + 10, x:x + 12][:, ::-1], moved['img']))
    assert np.array_equal(infrared[y:y + 10, x:x + 12][:, ::-1], moved['infrared'])


def test_a_reference_keeps_its_own_depth(make_image):
    reference = make_image(1, (24, 32), 3, np.uint16)
    moved = JointTransform([dict(type='RandomFlip', prob=1.0)])(
        dict(img=make_image(0, (24, 32), 3), reference=reference.copy()))
    assert moved['reference'].dtype == np.uint16 and np.array_equal(moved['reference'], reference[:, ::-1])


def test_one_image_needs_no_partner(make_image):
    image = make_image(0, (24, 32), 3)
    given = {key: value for key, value in sample(size=(24, 32), box=(1, 1, 5, 5)).items() if key != 'infrared'}
    steps = [dict(type='mmdet.ShearX', prob=1.0), dict(type='mmdet.RandomFlip', prob=1.0)]
    assert JointTransform(steps)(dict(given, img=image))['img'].shape == (24, 32, 3)


def test_a_transform_with_a_generator_of_its_own_is_refused(make_image):
    generator = np.random.default_rng(0)

    def cut(results):
        results['img'] = results['img'][:generator.integers(5, 20)]
        return results

    image = make_image(0, (24, 32), 3)
    with pytest.raises(ValueError, match=r'low\.png.*reference.*generator'):
        JointTransform([cut])(dict(img=image, reference=image, img_path='low.png'))


def test_a_reference_of_another_size_is_refused(make_image):
    with pytest.raises(ValueError, match=r'got img \(24, 32, 3\) and reference \(12, 16, 3\); img_path=low\.png'):
        JointTransform([])(
            dict(img=make_image(0, (24, 32), 3), reference=make_image(1, (12, 16), 3), img_path='low.png'))


def test_a_rotation_moves_both_alike():
    np.random.seed(0)
    rotate = dict(type='mmdet.Rotate', prob=1.0, level=6, img_border_value=0, interpolation='nearest')
    moved = JointTransform([rotate])(sample(np.uint8, np.uint8))
    assert np.array_equal(moved['img'][..., 1] > 0, moved['infrared'] > 0)
    assert not np.array_equal(moved['infrared'] > 0, sample()['infrared'] > 0)


@pytest.mark.parametrize('dtype, dtype2', [(np.uint8, np.uint16), (np.uint16, np.uint8), (np.uint8, np.float32)])
@pytest.mark.parametrize('transforms, expected', [
    ([dict(type='RandomFlip', prob=1.0)], lambda x: x[:, ::-1]),
    ([dict(type='RandomFlip', prob=1.0, direction='vertical')], lambda x: x[::-1]),
    ([dict(type='CenterCrop', crop_size=(12, 8))], lambda x: x[8:16, 10:22]),
])
def test_flips_and_crops_are_exact_in_every_depth(make_image, dtype, dtype2, transforms, expected):
    visible = make_image(0, (24, 32), 3, dtype)
    infrared = make_image(1, (24, 32), dtype=np.uint16).astype(dtype2)
    moved = JointTransform(transforms)(dict(img=visible.copy(), infrared=infrared.copy()))
    assert moved['img'].dtype == dtype and np.array_equal(moved['img'], expected(visible))
    assert moved['infrared'].dtype == dtype2 and np.array_equal(moved['infrared'], expected(infrared))
    assert moved['img'].flags.c_contiguous and moved['infrared'].flags.c_contiguous


def test_resizing_a_pair_of_mixed_depth_stays_in_range(make_image):
    moved = JointTransform([dict(type='Resize', scale=(61, 47), interpolation='bicubic')])(
        dict(img=make_image(0, (24, 32), 3), infrared=np.full((24, 32), 16000, np.uint16)))
    assert moved['img'].dtype == np.uint8 and moved['img'].max() > 200
    assert moved['infrared'].dtype == np.uint16 and (moved['infrared'] == 16000).all()


def test_colour_is_kept(make_image):
    visible = np.zeros((24, 32, 3), np.uint8) + np.array([10, 120, 250], np.uint8)
    moved = JointTransform([dict(type='Resize', scale=(16, 12)), dict(type='RandomFlip', prob=1.0)])(
        dict(img=visible, infrared=make_image(1, (24, 32))))
    assert (moved['img'] == [10, 120, 250]).all()


def test_a_sample_given_up_stays_given_up():
    crop = dict(type='mmdet.RandomCrop', crop_size=(8, 8), allow_negative_crop=False)
    np.random.seed(0)
    assert JointTransform([crop])(sample(box=(60, 44, 64, 48))) is None


def test_transforms_for_three_channels_are_explained():
    with pytest.raises(ValueError, match=r'\(24, 32, 4\) of pair\.png.*\n.*cannot do with 4 channels; RandomAffine'):
        JointTransform([dict(type='mmdet.ShearX', prob=1.0)])(dict(
            sample(size=(24, 32), box=(1, 1, 5, 5)), img_path='pair.png'))


def test_a_transform_that_drops_channels_is_refused(make_image):
    def first_channel(results):
        results['img'] = results['img'][..., :1]
        return results

    with pytest.raises(ValueError, match=r'made \(24, 32, 1\) of the stacked image \(24, 32, 4\)'):
        JointTransform([first_channel])(dict(img=make_image(0, (24, 32), 3), infrared=make_image(1, (24, 32))))


def test_images_of_different_size_are_refused(make_image):
    with pytest.raises(ValueError, match=r'one size, got img \(24, 32, 3\) and infrared \(12, 16\).*pair\.png'):
        JointTransform([])(dict(img=make_image(0, (24, 32), 3), infrared=make_image(1, (12, 16)), img_path='pair.png'))


@pytest.mark.parametrize('size, shape', [((8, 10), (8, 10)), ((50, 10), (24, 10)), ((50, 50), (24, 32))])
def test_random_patch_cuts_both_at_one_place(make_image, size, shape):
    grey = make_image(0, (24, 32))
    np.random.seed(1)
    cut = JointTransform([RandomPatch(size)])(dict(
        img=np.repeat(grey[..., None], 3, axis=2), infrared=grey, gt_seg_map=grey, seg_fields=['gt_seg_map']))
    assert cut['infrared'].shape == cut['img_shape'] == shape
    assert np.array_equal(cut['gt_seg_map'], cut['infrared'])
    assert np.array_equal(cut['img'][..., 0], cut['infrared'])
    assert any(np.array_equal(cut['infrared'], grey[y:y + shape[0], x:x + shape[1]])
               for y in range(24 - shape[0] + 1) for x in range(32 - shape[1] + 1))


def test_random_patch_refuses_boxes():
    with pytest.raises(ValueError, match='mmdet.RandomCrop'):
        RandomPatch((8, 8))(sample())


@pytest.mark.parametrize('key', ['infrared', 'reference'])
def test_random_patch_refuses_to_cut_one_of_several_images(make_image, key):
    with pytest.raises(ValueError, match='put it inside JointTransform'):
        RandomPatch((8, 8))({'img': make_image(0, (24, 32), 3), key: make_image(1, (24, 32))})
    assert RandomPatch((8, 9))(dict(img=make_image(0, (24, 32), 3)))['img'].shape == (8, 9, 3)


@pytest.mark.parametrize('key', ['infrared', 'reference'])
def test_a_turn_refuses_one_of_several_images(make_image, key):
    with pytest.raises(ValueError, match='RandomQuarterTurn.*img.*JointTransform'):
        RandomQuarterTurn()({'img': make_image(0, (24, 24), 3), key: make_image(1, (24, 24))})


@pytest.mark.parametrize('key', ['kernel', 'flow'])
def test_what_does_not_move_along_is_refused(make_image, key):
    with pytest.raises(ValueError, match=f'does not move {key} of a sample'):
        JointTransform([dict(type='RandomFlip', prob=1.0)])({'img': make_image(0, (24, 24), 3), key: np.eye(3)})


@pytest.mark.parametrize('left, box', [(18, (0, 8, 16, 26)), (27, (0, 8, 7, 26)), (29, None), (36, None)])
def test_of_a_cropped_box_a_sliver_goes(left, box, monkeypatch):
    pytest.importorskip('mmdet')
    steps = JointTransform([
        dict(type='mmdet.RandomCrop', crop_size=(20, 40), allow_negative_crop=True, bbox_clip_border=False),
        dict(type='ClipBoxes', min_visibility=0.25)])
    monkeypatch.setattr('numpy.random.randint', lambda low, high=None: left if high == 64 - 20 + 1 else 0)
    moved = steps(sample())
    assert moved['img'].shape == (40, 20, 3)
    assert [tuple(x) for x in moved['gt_bboxes'].tensor.tolist()] == ([box] if box else [])
    assert len(moved['gt_bboxes_labels']) == len(moved['gt_ignore_flags']) == (box is not None)
    if box:
        assert np.array_equal(extent(moved['infrared'] > 0), box)


def test_a_share_is_asked_for():
    with pytest.raises(ValueError, match='min_visibility=25'):
        ClipBoxes(25)
