"""Luma and chroma, against OpenCV's BT.601."""
import cv2
import numpy as np
import torch

from mmfusenas.models.scene.base_scene import luma, replace_luma, to_uint8


def tensor(image):
    return torch.from_numpy(image).permute(2, 0, 1)[None].double() / 255


def array(image):
    return to_uint8(image)[0].permute(1, 2, 0).numpy()


def image(seed=0):
    return np.random.default_rng(seed).integers(0, 256, (61, 83, 3), dtype=np.uint8)


def test_luma_is_that_of_opencv():
    bgr = image()
    expected = cv2.cvtColor(bgr, cv2.COLOR_BGR2YCrCb)[..., 0]
    ours = to_uint8(luma(tensor(bgr)))[0, 0].numpy()
    assert np.abs(ours.astype(int) - expected).max() <= 1
    assert (ours == expected).mean() > 0.98


def test_new_luma_with_the_old_chroma_is_that_of_opencv():
    bgr = (64 + image() // 2).astype(np.uint8)  # away from 0 and 255, where OpenCV clips
    y, cr, cb = cv2.split(cv2.cvtColor(bgr, cv2.COLOR_BGR2YCrCb))
    fused = np.clip(y.astype(int) + image(1)[..., 0] % 40 - 20, 0, 255).astype(np.uint8)
    expected = cv2.cvtColor(cv2.merge([fused, cr, cb]), cv2.COLOR_YCrCb2BGR)
    ours = replace_luma(tensor(bgr), tensor(fused[..., None]), luma(tensor(bgr)))
    assert np.abs(array(ours).astype(int) - expected).max() <= 3, 'OpenCV rounds the three planes to 8 bits'
    torch.testing.assert_close(luma(ours), tensor(fused[..., None]))


def test_own_luma_gives_the_image_back():
    bgr = tensor(image())
    torch.testing.assert_close(replace_luma(bgr, luma(bgr), luma(bgr)), bgr, atol=1e-12, rtol=0)
    assert np.array_equal(array(bgr), image())


def test_grey_stays_grey():
    grey = torch.rand(1, 1, 5, 7).expand(-1, 3, -1, -1)
    fused = torch.rand(1, 1, 5, 7)
    torch.testing.assert_close(replace_luma(grey, fused, luma(grey)), fused.expand(-1, 3, -1, -1), atol=1e-6, rtol=0)


def test_uint8_rounds_and_clamps():
    values = torch.tensor([-0.2, 0.0, 0.4 / 255, 0.6 / 255, 254.4 / 255, 1.0, 1.7])
    assert to_uint8(values).tolist() == [0, 0, 0, 1, 254, 255, 255]
