"""A rule in NumPy and OpenCV as a fusion method: fusion by guided filters (Li, Kang and Hu, TIP 2013)."""
from __future__ import annotations

import cv2
import numpy as np


class GuidedFilterFusion:
    """Two scales of each image, weighed where it is the more salient one, with weights that follow its edges.

    With the image I_n in [0, 1] and a mean Z over 31 x 31 pixels: base B_n = Z * I_n, detail D_n = I_n - B_n; saliency
    S_n = g * |L * I_n| of a Laplacian L and a Gaussian g; P_n = 1 where S_n is the largest, else 0. The weights W_n are
    P_n under a guided filter with the guide I_n, of radius 45 and eps 0.3 for the base, 7 and 1e-6 for the detail,
    divided by their sum. The image is the sum of W_n B_n and W_n D_n.
    """

    def __call__(self, visible: np.ndarray, infrared: np.ndarray) -> np.ndarray:
        """Return the fused luma, uint8 H x W, of a visible image H x W x 3 (BGR) and an infrared one H x W."""
        images = [image.astype(np.float64) / 255 for image in (cv2.cvtColor(visible, cv2.COLOR_BGR2GRAY), infrared)]
        bases = [cv2.blur(image, (31, 31)) for image in images]
        saliency = [cv2.GaussianBlur(np.abs(cv2.Laplacian(image, cv2.CV_64F)), (11, 11), 5) for image in images]
        chosen = (saliency[0] >= saliency[1]).astype(np.float64)
        masks = chosen, 1 - chosen
        base = weighted(bases, [guided(mask, image, 45, 0.3) for mask, image in zip(masks, images)])
        details = [image - smooth for image, smooth in zip(images, bases)]
        detail = weighted(details, [guided(mask, image, 7, 1e-6) for mask, image in zip(masks, images)])
        return np.clip(np.rint((base + detail) * 255), 0, 255).astype(np.uint8)


def guided(mask: np.ndarray, guide: np.ndarray, radius: int, eps: float) -> np.ndarray:
    """Return a mask under a guided filter (He, Sun and Tang, 2010): within each window it is linear in the guide."""
    size = 2 * radius + 1, 2 * radius + 1
    mean_guide, mean_mask = cv2.blur(guide, size), cv2.blur(mask, size)
    covariance = cv2.blur(guide * mask, size) - mean_guide * mean_mask
    slope = covariance / (cv2.blur(guide ** 2, size) - mean_guide ** 2 + eps)
    offset = mean_mask - slope * mean_guide
    return cv2.blur(slope, size) * guide + cv2.blur(offset, size)


def weighted(parts: list[np.ndarray], weights: list[np.ndarray]) -> np.ndarray:
    """Return the mean of two images by weights in [0, 1]; where both weights are 0, the plain mean."""
    first, second = (np.clip(weight, 0, 1) + 1e-12 for weight in weights)
    return (first * parts[0] + second * parts[1]) / (first + second)
