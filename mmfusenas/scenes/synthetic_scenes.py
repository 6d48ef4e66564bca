"""The built-in data set: drawn street scenes as pairs of a visible and an infrared image."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np
from mmengine.dataset import BaseDataset

from mmfusenas.core.errors import InputError
from mmfusenas.registry import DATASETS

from .drawing import CLASSES, CONDITIONS, Scene, draw_scene, scene_condition
from .drawing.difficulty import get_difficulty
from .drawing.render import check_arguments


@DATASETS.register_module()
class SyntheticScenes(BaseDataset):
    """Street scenes drawn from (seed, index) alone, with boxes and masks of five classes.

    A sample is drawn when it is asked for and arrives in the pipeline with its images already in it, so the pipeline
    needs no loading but ``mmdet.LoadAnnotations``. Splits differ by their seed: 0 for training, 1 for validation,
    2 for testing, by convention. By day, at night, under glare and in fog some objects are seen by one sensor only.

    Results hold ``img`` (H x W x 3 uint8 BGR), ``infrared`` (H x W uint8), ``gt_seg_map`` (H x W uint8, indices into
    ``drawing.SEMANTICS``), ``instances`` (mmdet's layout, with polygons), ``img_id``, virtual ``img_path`` and
    ``infrared_path``, ``ori_shape``, ``img_shape`` and ``condition``.

    Args:
        length: Number of scenes.
        size: Rows and columns of both images.
        seed: Seed of the split.
        difficulty: 'easy', 'normal' or 'hard'.
        conditions: Those to draw from: 'day', 'night', 'glare', 'fog'.
        misalign: Farthest that a corner of the infrared image is moved, in pixels.
        pipeline: Transforms.
        cache: Whether to keep drawn scenes in memory (each worker process its own).
        **kwargs: Further arguments of ``mmengine.dataset.BaseDataset``.

    Raises:
        ValueError: Unknown difficulty or condition, a length, size or seed that is too small, ``misalign`` where
            there is one image.

    Example:
        >>> dataset = SyntheticScenes(length=4, size=(96, 128))
        >>> dataset[0]['img'].shape, dataset[0]['infrared'].shape
        ((96, 128, 3), (96, 128))
    """

    CLEAN = False  # whether the visible image has no noise
    IMAGES = dict(img_path='visible', infrared_path='infrared')
    METAINFO = dict(
        classes=CLASSES, palette=[(255, 128, 0), (255, 220, 0), (60, 110, 255), (255, 60, 60), (60, 220, 90)]
    )

    def __init__(
        self,
        length: int,
        size: tuple[int, int] = (128, 160),
        seed: int = 0,
        difficulty: str = 'normal',
        conditions: Sequence[str] = CONDITIONS,
        misalign: float = 0.0,
        pipeline: Sequence[dict | Callable] = (),
        cache: bool = False,
        **kwargs,
    ) -> None:
        if length < 1:
            raise InputError(f'length of {type(self).__name__} must be at least 1, got {length}')
        if misalign and 'infrared_path' not in self.IMAGES:
            raise InputError(f'{type(self).__name__} has one sensor, and nothing to misalign; leave misalign out')
        get_difficulty(difficulty)
        self.length, self.seed, self.difficulty, self.misalign = length, seed, difficulty, misalign
        self.size, self.conditions = tuple(size), tuple(conditions)
        check_arguments(seed, self.size, self.conditions, misalign)
        self.cache = cache
        self._scenes: dict[int, Scene] = {}
        super().__init__(pipeline=list(pipeline), **kwargs)

    def load_data_list(self) -> list[dict]:
        """Return what is known of each scene before it is drawn."""
        height, width = self.size
        stem = f'synthetic/{self.difficulty}/{self.seed}'
        return [
            dict(
                img_id=index,
                **{key: f'{stem}/{index:06d}_{name}' for key, name in self.IMAGES.items()},
                height=height,
                width=width,
                seed=self.seed,
                condition=scene_condition(self.seed, index, self.conditions),
            )
            for index in range(self.length)
        ]

    def scene(self, index: int) -> Scene:
        """Return the drawn scene ``index``, which is shared: copy before changing it."""
        if index not in self._scenes:
            if not self.cache:
                self._scenes.clear()  # the last one stays: its sample is made in several steps
            self._scenes[index] = draw_scene(
                self.seed, index, self.size, self.difficulty, self.conditions, self.misalign, self.CLEAN)
        return self._scenes[index]

    def get_data_info(self, idx: int) -> dict:
        """Return the description of a scene with its images, segmentation map and instances drawn."""
        info = super().get_data_info(idx)
        scene = self.scene(info['img_id'])
        info.update(
            img=scene.visible.copy(),
            infrared=scene.infrared.copy(),
            ori_shape=self.size,
            img_shape=self.size,
            gt_seg_map=scene.semantic_map.copy(),
            seg_fields=['gt_seg_map'],
            instances=_instances(scene),
        )
        return info


def _instances(scene: Scene) -> list[dict]:
    """Return the objects of a scene as mmdet expects them."""
    return [
        dict(bbox=box.tolist(), bbox_label=int(label), ignore_flag=0, mask=_polygons(scene.instance_map == k, box))
        for k, (box, label) in enumerate(zip(scene.boxes, scene.labels), start=1)
    ]


def _polygons(mask: np.ndarray, box: np.ndarray) -> list[list[float]]:
    """Return the outer contours of a mask as COCO polygons, through the outer corners of its pixels.

    Args:
        mask: H x W bool.
        box: The mask's box (x1, y1, x2, y2).
    """
    left, top, right, bottom = box.astype(int)
    double = np.kron(mask[top:bottom, left:right].view(np.uint8), np.ones((2, 2), np.uint8))
    contours, _ = cv2.findContours(double, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    # A contour runs through the centres of the half pixels at the rim; half of one more is left out.
    shifted = [(contour[:, 0] + 0.5) / 2 + (left, top) for contour in contours if len(contour) >= 3]
    return [polygon.ravel().tolist() for polygon in shifted]
