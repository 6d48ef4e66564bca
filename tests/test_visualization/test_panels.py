"""Images side by side."""
import numpy as np

from mmfusenas.visualization import draw_detections, draw_mask, enlarge, side_by_side
from mmfusenas.visualization.panels import BAR


def test_small_images_grow_by_a_whole_factor() -> None:
    image, factor = enlarge(np.full((10, 33, 3), 7, np.uint8), 100)
    assert factor == 4 and image.shape == (40, 132, 3) and (image == 7).all()
    large = np.zeros((5, 100, 3), np.uint8)
    assert enlarge(large, 100) == (large, 1)


def test_panels_hold_their_images_under_their_captions() -> None:
    first, second = np.full((30, 40, 3), 10, np.uint8), np.full((30, 50, 3), 20, np.uint8)
    sheet = side_by_side({'one': first, 'two': second})
    assert sheet.shape == (30 + BAR, 40 + 2 + 50, 3)
    np.testing.assert_array_equal(sheet[BAR:, :40], first)
    np.testing.assert_array_equal(sheet[BAR:, 42:], second)
    assert sheet[:BAR, :40].max() > 200  # the caption


def test_boxes_are_drawn_where_they_are() -> None:
    image = np.zeros((100, 200, 3), np.uint8)
    meta = dict(classes=('car',), palette=[(255, 0, 0)])  # red, as RGB
    drawn = draw_detections(image, np.array([[150.0, 40, 190, 90]]), np.array([0]), dataset_meta=meta)
    assert drawn.shape == image.shape and not image.any()
    assert drawn[60, 150, 2] > 150 and drawn[60, 150, 0] < 60
    assert not drawn[:, :140].any()
    np.testing.assert_array_equal(draw_detections(image, np.zeros((0, 4)), np.zeros(0, int)), image)


def test_a_mask_colours_what_has_a_class() -> None:
    image = np.full((4, 6, 3), 100, np.uint8)
    mask = np.array([[0, 1, 255], [1, 1, 255]], np.uint8)  # half the image's size
    drawn = draw_mask(image, mask, dict(palette=[(200, 0, 0), (0, 50, 0)]))  # red, green
    assert drawn[0, 0].tolist() == [50, 50, 150] and drawn[3, 0].tolist() == [50, 75, 50]
    assert drawn[:, 4:].tolist() == image[:, 4:].tolist()
    assert draw_mask(image, mask)[0, 0].tolist() == [140, 110, 66]  # half of tab20's first, (31, 119, 180)
