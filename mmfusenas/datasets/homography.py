"""Where two cameras side by side see the same: estimated once from pairs, kept as a file, applied to every pair."""
from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import cv2
import numpy as np

from mmfusenas.core.errors import FileError, InputError
from mmfusenas.core.files import parse_json, write_text
from mmfusenas.datasets.images import to_grey
from mmfusenas.datasets.offset import pair_offset

WIDTHS = (160, 320)
"""Widths at which images are compared."""
SCALES = np.geomspace(0.5, 2, 25)
"""Of the infrared image's view to the visible one's, that are tried."""
ITERATIONS = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 80, 1e-5)


class Homography:
    """The place in an infrared image of every place in the visible one, for cameras that are fixed to each other.

    It holds for scenes that are far away beside the distance of the cameras. Places are in units of the width of
    their image, (x + 0.5) / width and (y + 0.5) / width, so it fits images of other sizes of the same cameras.

    Args:
        matrix: 3 x 3, from places (x, y, 1) in the visible image to those in the infrared one, up to a factor.

    Raises:
        ValueError: It is no invertible matrix of nine finite numbers.

    Shape:
        visible H x W x 3 or H x W, infrared H' x W'; result H x W of the infrared type. Where the infrared camera
        does not see, it is the luma of the visible image.

    Example:
        >>> half = Homography([[0.5, 0, 0.25], [0, 0.5, 0.25], [0, 0, 1]])  # the visible view is the middle half
        >>> infrared = np.arange(64, dtype=np.uint8).reshape(8, 8)
        >>> half(np.zeros((4, 4, 3), np.uint8), infrared).tolist()[0]
        [18, 19, 20, 21]
    """

    def __init__(self, matrix: Sequence[Sequence[float]] | np.ndarray) -> None:
        try:
            found = np.asarray(matrix, np.float64)
        except (TypeError, ValueError, OverflowError):
            found = np.empty(0)
        if found.shape != (3, 3) or not np.isfinite(found).all() or abs(np.linalg.det(found)) < 1e-9 or not found[2, 2]:
            raise InputError(f'A homography is an invertible matrix of 3 x 3 numbers, got {str(matrix)[:200]}.')
        self.matrix = found / found[2, 2]

    @classmethod
    def load(cls, path: str | Path) -> Homography:
        """Read a file of :meth:`save`.

        Raises:
            FileNotFoundError: It cannot be read.
            ValueError: It is no such file; the message names it.
        """
        try:
            content = parse_json(Path(path).read_bytes(), f'The homography {path}')
        except OSError as error:
            raise FileError(f'The homography {path} cannot be read ({error.strerror}): '
                            'tools/analysis_tools/estimate_homography.py writes one.') from error
        if not isinstance(content, dict) or 'homography' not in content:
            raise InputError(f'{path} holds no homography: tools/analysis_tools/estimate_homography.py writes one.')
        try:
            return cls(content['homography'])
        except InputError as error:
            raise InputError(f'{path}: {error}') from error

    def save(self, path: str | Path) -> None:
        """Write the matrix as JSON."""
        write_text(path, json.dumps(dict(homography=self.matrix.tolist()), indent=1) + '\n')

    def __call__(self, visible: np.ndarray, infrared: np.ndarray) -> np.ndarray:
        """Return the infrared image as the visible camera would see it."""
        warped, seen = self._warp(infrared, visible.shape[:2])
        return np.where(seen, warped, _of_type(to_grey(visible), infrared.dtype))

    def _warp(self, infrared: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        """Return an infrared image in the visible frame, its border repeated, and where it is seen."""
        height, width = size
        # Area averaging where the image shrinks, so that it does not alias.
        finer = self._scale * infrared.shape[1] / width
        if finer > 1:
            smaller = [max(1, round(side / finer)) for side in infrared.shape[1::-1]]
            infrared = cv2.resize(infrared, smaller, interpolation=cv2.INTER_AREA)
        places = np.linalg.inv(_to_unit(infrared.shape[1])) @ self.matrix @ _to_unit(width)
        options = dict(dsize=(width, height), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
        seen = cv2.warpPerspective(np.ones(infrared.shape[:2], np.float32), places, **options) > 0.999
        return cv2.warpPerspective(infrared, places, borderMode=cv2.BORDER_REPLICATE, **options), seen

    @property
    def _scale(self) -> float:
        """Widths of the infrared image in a width of the visible one."""
        return float(np.sqrt(abs(np.linalg.det(self.matrix[:2, :2]))))

    def corners(self, aspect: float) -> np.ndarray:
        """Return where the corners of a visible image of ``aspect`` = height / width lie, 4 x 2 widths."""
        places = _corners(aspect) @ self.matrix.T
        return places[:, :2] / places[:, 2:]

    def offset(self, visible: np.ndarray, infrared: np.ndarray) -> np.ndarray | None:
        """Return the shift (x, y) that a pair still has beyond this, in widths of the visible image; None if unsure.

        As :func:`~mmfusenas.datasets.offset.pair_offset` finds it.
        """
        return pair_offset(visible, self.view(infrared, visible.shape[:2]))

    def view(self, infrared: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """Return the infrared image in the visible frame of a height and width, its border repeated."""
        return self._warp(infrared, size)[0]

    def moved(self, offset: np.ndarray) -> Homography:
        """Return the homography that takes away the shift of a pair, too (:meth:`offset`)."""
        return Homography(self.matrix @ [[1, 0, -offset[0]], [0, 1, -offset[1]], [0, 0, 1]])

    def median_offset(self, pairs: Iterable[tuple[np.ndarray, np.ndarray]]) -> float:
        """Return the median length of the offsets of some pairs, in widths; NaN where none of them has one."""
        found = [np.hypot(*offset) for pair in pairs if (offset := self.offset(*pair)) is not None]
        return float(np.median(found)) if found else float('nan')

    def __repr__(self) -> str:
        return f'{type(self).__name__}({self.matrix.tolist()})'


def estimate_homography(pairs: Iterable[tuple[np.ndarray, np.ndarray]]) -> tuple[Homography, float]:
    """Return the homography of two cameras from pairs of their images, and how far single pairs are from it.

    Edges are compared, since the sensors agree in little else. A scale and a shift of all pairs together are found by
    normalised cross-correlation (OpenCV's ``matchTemplate``); from there each pair is aligned by the enhanced
    correlation coefficient (Evangelidis and Psarakis, 2008; OpenCV's ``findTransformECC``), and the median over the
    pairs of where the corners lie is taken, three times, first affine.

    Args:
        pairs: Visible (H x W x 3 or H x W) and infrared images (H' x W'), of one size each. Ten or more with
            structure all over the image, by day if there is a choice.

    Returns:
        The homography, and the median distance of the pairs' corners from its own, in widths of the infrared image.

    Raises:
        ValueError: No pair, pairs of several sizes, or images without edges in common.

    Example:
        >>> image = cv2.GaussianBlur(np.random.default_rng(0).random((96, 128), np.float32) * 255, (0, 0), 2)
        >>> found, spread = estimate_homography([(image, np.roll(image, 4, 1))])
        >>> bool(abs(found.matrix[0, 2] - 4 / 128) < 0.01)
        True
    """
    pairs = list(pairs)
    if len({(visible.shape[:2], infrared.shape[:2]) for visible, infrared in pairs}) != 1:
        raise InputError(f'The {len(pairs)} pairs are of several sizes, or none: a homography is of two cameras.')
    aspect = pairs[0][0].shape[0] / pairs[0][0].shape[1]
    found = _scale_and_shift(pairs)
    for width, motion in ((WIDTHS[0], cv2.MOTION_AFFINE), (WIDTHS[0], cv2.MOTION_AFFINE),
                          (WIDTHS[1], cv2.MOTION_HOMOGRAPHY)):
        aligned = [result for pair in pairs if (result := _align(*pair, found, width, motion)) is not None]
        if len(aligned) < max(1, len(pairs) // 2):
            raise InputError(f'Of {len(pairs)} pairs {len(aligned)} have edges in common: give more pairs of one view, '
                             'with structure, visible and infrared not exchanged.')
        least = np.quantile([score for score, _ in aligned], 0.25)
        corners = np.array([single.corners(aspect) for score, single in aligned if score >= least])
        middle = np.median(corners, 0)
        found = Homography(cv2.getPerspectiveTransform(
            _corners(aspect)[:, :2].astype(np.float32), middle.astype(np.float32)))
    return found, float(np.median(np.linalg.norm(corners - middle, axis=2)))


def _scale_and_shift(pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> Homography:
    """Return the scale and shift at which the edges of all pairs together correlate best."""
    width, best = WIDTHS[0], (-np.inf, Homography(np.eye(3)))
    fixed = [_edges(visible, width) for visible, _ in pairs]
    for scale in SCALES:
        moving = [_edges(infrared, round(width * scale)) for _, infrared in pairs]
        # The infrared view may reach over the visible one's border, by half its size.
        (height, wide), (tall, _) = moving[0].shape, fixed[0].shape
        y, x = (side // 2 + max(0, side - room) for side, room in ((height, tall), (wide, width)))
        padded = [cv2.copyMakeBorder(image, y, y, x, x, cv2.BORDER_CONSTANT, value=0.0) for image in fixed]
        scores = sum(cv2.matchTemplate(image, part, cv2.TM_CCOEFF_NORMED) for image, part in zip(padded, moving))
        row, column = np.unravel_index(np.argmax(scores), scores.shape)
        if scores[row, column] > best[0]:
            exact = wide / width
            shift = (column - x) / width, (row - y) / width
            best = (scores[row, column], Homography(
                [[1 / exact, 0, -shift[0] / exact], [0, 1 / exact, -shift[1] / exact], [0, 0, 1]]))
    return best[1]


def _align(visible: np.ndarray, infrared: np.ndarray, start: Homography, width: int,
           motion: int) -> tuple[float, Homography] | None:
    """Return the correlation of a pair's edges and its alignment, from a start; None where there is none."""
    fixed, moving = (_edges(image, width, blur=1.5) for image in (visible, infrared))
    unit = _to_unit(width)
    warp = (np.linalg.inv(unit) @ start.matrix @ unit).astype(np.float32)
    rows = 3 if motion == cv2.MOTION_HOMOGRAPHY else 2
    try:
        score, warp = cv2.findTransformECC(
            fixed, moving, (warp / warp[2, 2])[:rows].copy(), motion, ITERATIONS, None, 5)
        full = np.vstack([warp, [0, 0, 1]]) if rows == 2 else warp
        return score, Homography(unit @ full.astype(np.float64) @ np.linalg.inv(unit))
    except (cv2.error, InputError):  # it does not converge, or images have nothing in common
        return None


def _edges(image: np.ndarray, width: int, blur: float = 0) -> np.ndarray:
    """Return the strength of edges beside that of their surroundings, from 0 to 4, at a width."""
    grey = to_grey(image).astype(np.float32)
    size = width, max(1, round(grey.shape[0] * width / grey.shape[1]))
    small = cv2.resize(grey, size, interpolation=cv2.INTER_AREA if width < grey.shape[1] else cv2.INTER_LINEAR)
    small = cv2.GaussianBlur(small, (0, 0), 1.0)
    edges = np.hypot(cv2.Sobel(small, cv2.CV_32F, 1, 0), cv2.Sobel(small, cv2.CV_32F, 0, 1))
    edges = np.minimum(edges / (cv2.GaussianBlur(edges, (0, 0), width / 20) + 1e-3 * edges.max() + 1e-6), 4)
    return cv2.GaussianBlur(edges, (0, 0), blur) if blur else edges


def _to_unit(width: int) -> np.ndarray:
    """Return the matrix from pixels to units of the width."""
    return np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, width]]) / width


def _corners(aspect: float) -> np.ndarray:
    return np.array([[0, 0, 1], [1, 0, 1], [1, aspect, 1], [0, aspect, 1]])


def _of_type(grey: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Return a grey image in the range of another type: 8 bit, 16 bit, or 0 to 255 as float."""
    full = {np.dtype(np.uint8): 255, np.dtype(np.uint16): 65535}
    return np.rint(grey * (full.get(dtype, 255) / full.get(grey.dtype, 255))).astype(dtype)
