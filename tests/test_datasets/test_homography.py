"""Two cameras fixed to each other: places by hand, estimates of a known homography, what does not fit."""
import warnings

import cv2
import numpy as np
import pytest

from mmfusenas.apis import FusionInferencer
from mmfusenas.datasets.homography import Homography, estimate_homography
from mmfusenas.datasets.images import write_image
from mmfusenas.datasets.transforms import LoadPairFromFile
from mmfusenas.registry import MODELS
from mmfusenas.scenes import SyntheticScenes

TRUE = Homography([[0.8, 0.02, 0.12], [-0.01, 0.82, 0.07], [0.02, -0.01, 1]])
IDENTITY = Homography(np.eye(3))
ASPECT = 0.75


def pairs(number, seed=10, width=240):
    """Drawn scenes, cut for the visible camera; the infrared one sees more, turned a little, at another size."""
    scenes = SyntheticScenes(length=number, size=(352, 480), seed=seed)
    unit = [np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, side]]) / side for side in (320, width)]
    cut = np.array([[1, 0, -80], [0, 1, -56], [0, 0, 1]])
    places = np.linalg.inv(unit[1]) @ TRUE.matrix @ unit[0] @ cut
    inside = np.s_[56:296, 80:400]
    infos = [scenes.get_data_info(index) for index in range(number)]
    return [(info['img'][inside], cv2.warpPerspective(info['infrared'], places, (width, width * 3 // 4)),
             info['infrared'][inside]) for info in infos]


def error(found, true=TRUE):
    """Mean distance of where two homographies have the corners, in pixels of a visible image of 320."""
    inverse = Homography(np.linalg.inv(true.matrix) @ found.matrix)
    return 320 * np.linalg.norm(inverse.corners(ASPECT) - IDENTITY.corners(ASPECT), axis=1).mean()


def test_an_estimate_finds_the_known_homography():
    images = [pair[:2] for pair in pairs(12)]
    found, spread = estimate_homography(images)
    assert error(IDENTITY) > 25 and error(found) < 2.5 and spread < 0.02
    visible, infrared = images[0]
    moved = Homography(found.matrix @ [[1, 0, 0.05], [0, 1, 0], [0, 0, 1]])
    assert found.median_offset(images) < 0.01 and abs(moved.median_offset(images) - 0.05) < 0.01
    assert found.offset(np.full_like(visible, 90), infrared) is None
    assert np.isnan(IDENTITY.median_offset([(np.full_like(visible, 90), infrared)]))


def test_the_warped_image_is_what_the_visible_camera_would_see():
    visible, infrared, aligned = pairs(1)[0]
    warped = TRUE(visible, infrared)
    assert warped.shape == aligned.shape and warped.dtype == aligned.dtype
    inner = np.s_[20:-20, 20:-20]
    blurred = cv2.GaussianBlur(aligned, (0, 0), 0.7).astype(float)  # it is seen at three quarters of the size
    plain = cv2.resize(infrared, (320, 240)).astype(float)
    assert np.abs(warped[inner] - blurred[inner]).mean() < 2 < 0.3 * np.abs(plain[inner] - blurred[inner]).mean()


def test_places_are_in_widths_and_what_is_not_seen_is_the_visible_luma():
    shift = Homography([[1, 0, 0.5], [0, 1, 0], [0, 0, 1]])  # the left half of the view is the right half of the image
    visible = np.full((4, 8, 3), 40, np.uint8)
    for width, dtype, unseen in ((8, np.uint8, 40), (16, np.uint8, 40), (8, np.uint16, 40 * 257), (8, np.float32, 40)):
        infrared = np.repeat(np.arange(width, dtype=dtype)[None], width // 2, 0)
        warped = shift(visible, infrared)
        assert warped.dtype == dtype and (warped[:, 4:] == unseen).all()
        half = infrared.reshape(width // 2, 8, -1).mean(-1)[0, 4:]
        np.testing.assert_allclose(warped[0, :4], half, atol=0.51)


def test_a_file_holds_the_matrix(tmp_path):
    TRUE.save(tmp_path / 'cameras.json')
    np.testing.assert_allclose(Homography.load(tmp_path / 'cameras.json').matrix, TRUE.matrix)
    huge = '1' + 400 * '0'  # a whole number that no float holds
    for text, message in (('[1, 2]', 'holds no homography'), ('{"homography": [[1, 0, 0]]}', '3 x 3 numbers'),
                          ('{"homography": "x"}', '3 x 3 numbers'), ('{', 'is not JSON'),
                          (f'{{"homography": [[{huge}, 0, 0], [0, 1, 0], [0, 0, 1]]}}', '3 x 3 numbers'),
                          ('{"homography": [[1, 0, 0], [1, 0, 0], [0, 0, 1]]}', 'invertible')):
        (tmp_path / 'bad.json').write_text(text)
        with pytest.raises(ValueError, match=message) as caught:
            Homography.load(tmp_path / 'bad.json')
        assert 'bad.json' in str(caught.value)


def test_pairs_without_a_view_in_common_are_refused():
    flat = np.zeros((60, 80), np.uint8)
    with pytest.raises(ValueError, match='0 have edges in common'):
        estimate_homography([(flat, flat)] * 3)
    with pytest.raises(ValueError, match='several sizes'):
        estimate_homography([(flat, flat), (flat, flat[:30])])
    with pytest.raises(ValueError, match='several sizes, or none'):
        estimate_homography([])


def test_an_inferencer_brings_both_cameras_together_and_says_when_one_was_moved(tmp_path):
    TRUE.save(tmp_path / 'cameras.json')
    model = dict(type='FixedFusion', rule='infrared')
    infer = FusionInferencer(MODELS.build(model), homography=tmp_path / 'cameras.json')
    images = pairs(9)
    visible, infrared, _ = images[0]
    grey = TRUE(visible, infrared)
    np.testing.assert_allclose(cv2.cvtColor(infer(visible, infrared)['image'], cv2.COLOR_BGR2GRAY), grey, atol=3)
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        for visible, infrared, _ in images:
            infer(visible, infrared)
        rng = np.random.default_rng(0)
        for _, infrared, _ in images * 2:  # in the dark edges fit anywhere, and of a covered lens nowhere
            infer(rng.integers(0, 6, visible.shape, np.uint8), infrared)
            infer(np.full_like(visible, 3), infrared)
    with pytest.warns(UserWarning, match='a camera may have been moved'):
        for visible, infrared, _ in images:
            infer(visible, np.roll(infrared, 16, 1))
    with warnings.catch_warnings():
        warnings.simplefilter('error')  # once
        infer(visible, np.roll(infrared, 16, 1))
    with pytest.raises(ValueError, match='give one of them'):
        FusionInferencer(MODELS.build(model), homography=TRUE, resize='visible')


def test_a_data_set_loads_in_the_visible_frame(tmp_path):
    visible, infrared, _ = pairs(1)[0]
    paths = dict(img_path=str(tmp_path / 'vi.png'), infrared_path=str(tmp_path / 'ir.png'))
    write_image(paths['img_path'], visible)
    write_image(paths['infrared_path'], infrared)
    matrix = TRUE.matrix.tolist()
    loaded = LoadPairFromFile(homography=matrix)(dict(paths))
    np.testing.assert_array_equal(loaded['infrared'], TRUE(visible, infrared))
    assert loaded['img'].shape[:2] == loaded['infrared'].shape
    with pytest.raises(ValueError, match='give one of them'):
        LoadPairFromFile(homography=matrix, resize='infrared')
    # An inferencer does what the test data of its model did.
    model = MODELS.build(dict(type='FixedFusion', rule='infrared'))
    model.test_pipeline = [dict(type='LoadPairFromFile', homography=matrix), dict(type='PackPairInputs')]
    assert FusionInferencer(model)(visible, infrared)['image'].shape == visible.shape
