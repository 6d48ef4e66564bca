"""By how much the two images of a pair are shifted against each other, from that pair alone."""
from __future__ import annotations

import cv2
import numpy as np

from mmfusenas.core.errors import InputError
from mmfusenas.datasets.images import in_form_of, to_grey

WIDTH = 320
"""Width at which images are compared; smaller ones as they are."""
REACH = 0.2
"""Largest shift that is looked for, as a share of each side."""
SURE = 5.0
"""Height of the best correlation over the mean of all shifts, in standard deviations, from which on it is believed."""
LEAST = 0.01
"""Smallest shift that is taken away, in widths: of real pairs in register most are found to be nearer than that."""
LEAST_PIXELS = 2
REFERENCES = ('visible', 'infrared')


def pair_offset(visible: np.ndarray, infrared: np.ndarray) -> np.ndarray | None:
    r"""Return the shift (x, y) that brings an infrared image onto the visible one; None where none stands out.

    It is in widths of the image, positive to the right and down, and looked for up to a fifth of each side. The two
    sensors agree in where edges are and along which line they run, not in which side is brighter. So squared unit
    gradients are correlated, in which opposite directions are one (with a noise term as in the normalised gradient
    fields of Haber and Modersitzki, 2006):

    .. math:: z = (g_x + i g_y)^2 / (|g|^2 + \overline{|g|}^2), \quad
              c(d) = Re \sum_p z_{visible}(p + d) \, z_{infrared}(p)^*

    A shift is believed where :math:`c` is five standard deviations above its mean over all shifts, and it is not the
    largest that is looked for. Turns and scales are not looked for. What is burnt into both images, such as a
    cross-hair, is taken for the scene, and in a pattern that repeats itself a shift by a period may be found.

    Args:
        visible: H x W x 3 (BGR) or H x W.
        infrared: H x W, or H x W x 3.

    Raises:
        ValueError: The images differ in size.

    Example:
        >>> image = cv2.GaussianBlur(np.random.default_rng(0).random((96, 128), np.float32) * 255, (0, 0), 2)
        >>> shift = pair_offset(image, 255 - np.roll(image, -8, 1))
        >>> np.rint(shift * 128).tolist()
        [8.0, 0.0]
    """
    if visible.shape[:2] != infrared.shape[:2]:
        raise InputError(f'A shift is of two images of one size, got {visible.shape[:2]} and {infrared.shape[:2]}.')
    fixed, moving = _directions(visible), _directions(infrared)
    reach = [int(side * REACH) for side in fixed.shape]
    if min(reach) < 2 or not (fixed.any() and moving.any()):
        return None
    # Zeros as wide as the largest shift, so that what leaves at one side does not come back at the other.
    size = [cv2.getOptimalDFTSize(side + room) for side, room in zip(fixed.shape, reach)]
    product = np.fft.fft2(fixed, size) * np.fft.fft2(moving, size).conj()
    scores = np.roll(np.fft.ifft2(product).real, reach, (0, 1))[:2 * reach[0] + 1, :2 * reach[1] + 1]
    place = _standing_out(scores - scores.mean())
    if place is None:
        return None
    row, column = place
    down, right = _vertex(scores[:, column], row) - reach[0], _vertex(scores[row], column) - reach[1]
    return np.array([right, down]) / fixed.shape[1]


def _standing_out(scores: np.ndarray) -> tuple[int, int] | None:
    """Return the row and column of the largest score; None where it is not far above all others, or at the border."""
    row, column = (int(index) for index in np.unravel_index(np.argmax(scores), scores.shape))
    inside = 0 < row < scores.shape[0] - 1 and 0 < column < scores.shape[1] - 1
    return (row, column) if inside and scores[row, column] >= SURE * scores.std() else None


class PairAligner:
    """Shift the image of one sensor onto the other's where they lie apart by more than 1 % of the width.

    What the shifted image does not see is taken from the other one. Pairs are those of one sequence: where one does not
    tell, or asks for a shift that is nearer than 1 % to the last one, the last one is taken again, so that an image of
    a video stands still. For pairs that have nothing to do with each other take a new aligner for each.

    Args:
        reference: The sensor whose image stays: ``'visible'`` or ``'infrared'``. Defaults to ``'visible'``.

    Raises:
        ValueError: It is another reference; on a call, if the images differ in size.

    Example:
        >>> image = cv2.GaussianBlur(np.random.default_rng(0).random((96, 128), np.float32) * 255, (0, 0), 2)
        >>> visible, infrared, shift = PairAligner()(image, np.roll(image, -8, 1))
        >>> shift, bool((infrared[:, 8:] == image[:, 8:]).all())
        ((8, 0), True)
    """

    def __init__(self, reference: str = 'visible') -> None:
        if not isinstance(reference, str) or reference not in REFERENCES:
            raise InputError(f'A pair is aligned to the image of one sensor, {" or ".join(map(repr, REFERENCES))}, got '
                             f'{reference!r}.')
        self.reference = reference
        self._last, self._size = np.zeros(2), None

    def offset(self, visible: np.ndarray, infrared: np.ndarray) -> np.ndarray:
        """Return the shift (x, y) of a pair, in widths, as of :func:`pair_offset`; 0 where it is small."""
        if visible.shape[:2] != self._size:
            self._last, self._size = np.zeros(2), visible.shape[:2]
        found, least = pair_offset(visible, infrared), max(LEAST, LEAST_PIXELS / visible.shape[1])
        if found is not None and np.hypot(*(found - self._last)) >= least:
            self._last = found * (np.hypot(*found) >= least)
        return self._last

    def __call__(self, visible: np.ndarray, infrared: np.ndarray, fill: np.ndarray | None = None
                 ) -> tuple[np.ndarray, np.ndarray, tuple[int, int]]:
        """Return both images, and how far one was brought to the right and down, in pixels.

        Args:
            visible: H x W x 3 (BGR) or H x W.
            infrared: H x W, or H x W x 3.
            fill: The image of the reference in the range of the other one, where ranges are not those of the types.
        """
        x, y = in_pixels(self.offset(visible, infrared), visible)
        if not x and not y:
            return visible, infrared, (0, 0)
        if self.reference == 'visible':
            return visible, shifted(infrared, x, y, visible if fill is None else fill), (x, y)
        return shifted(visible, -x, -y, infrared if fill is None else fill), infrared, (-x, -y)


def in_pixels(offset: np.ndarray, image: np.ndarray) -> tuple[int, int]:
    """Return a shift in widths as one in whole pixels of an image."""
    x, y = (round(float(side) * image.shape[1]) for side in offset)
    return x, y


def shifted(image: np.ndarray, x: int, y: int, fill: np.ndarray) -> np.ndarray:
    """Return an image brought to the right and down, with another one where nothing of it is left."""
    height, width = image.shape[:2]
    result = in_form_of(fill, image)
    result[max(y, 0):height + min(y, 0), max(x, 0):width + min(x, 0)] = \
        image[max(-y, 0):height + min(-y, 0), max(-x, 0):width + min(-x, 0)]
    return result


def _directions(image: np.ndarray) -> np.ndarray:
    """Return the squared gradient as complex numbers, of length near 1 at edges and near 0 where it is flat."""
    grey = to_grey(image).astype(np.float32)
    width = min(WIDTH, grey.shape[1])
    size = width, max(1, round(grey.shape[0] * width / grey.shape[1]))
    small = cv2.GaussianBlur(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), (0, 0), 1.5)
    gradient = cv2.Sobel(small, cv2.CV_32F, 1, 0) + 1j * cv2.Sobel(small, cv2.CV_32F, 0, 1)
    strength = np.abs(gradient)
    return gradient ** 2 / np.maximum(strength ** 2 + strength.mean() ** 2, 1e-12)


def _vertex(scores: np.ndarray, place: int) -> float:
    """Return the top of the parabola through the largest of some scores and its neighbours."""
    if not 0 < place < len(scores) - 1:
        return float(place)
    before, top, after = scores[place - 1:place + 2]
    return place + (after - before) / (2 * (2 * top - before - after) or 1)
