"""Weights in half precision, for small files, and what that changes of the results of a model."""
from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from torch import Tensor, nn

from mmfusenas.apis.arguments import Image
from mmfusenas.apis.base_inferencer import BaseInferencer
from mmfusenas.apis.enhance_inferencer import EnhanceInferencer
from mmfusenas.apis.fusion_inferencer import FusionInferencer
from mmfusenas.apis.guided_sr_inferencer import GuidedSRInferencer
from mmfusenas.scenes.synthetic_guided_scenes import SyntheticGuidedScenes
from mmfusenas.scenes.synthetic_lowlight_scenes import SyntheticLowLightScenes
from mmfusenas.scenes.synthetic_scenes import SyntheticScenes

PRECISION = 2**-11
"""Largest relative error of rounding to float16."""
LEVELS, SCORE, PIXELS, CLASSES = 1, 0.01, 1.0, 0.01
"""Largest change of a value of an 8 bit image, of a score, of a side of a box, and of the share of pixels of a mask."""
SHOWN = 0.3
"""Score from which a detection counts: what the inferencers show."""

_FAINT = 0.05  # score of the detections among which the counterparts of those that count are looked for
_INFERENCERS = {kind.sensors: kind for kind in (EnhanceInferencer, FusionInferencer, GuidedSRInferencer)}


@dataclass
class WeightsEffect:
    """What other weights change of the results of a model: the largest change of all inputs.

    Args:
        level: Of a value of an 8 bit image, in levels of 255.
        detections: Number of detections compared: those of both models with a score of at least ``SHOWN``. None
            without a detector.
        lost: How many of them have no counterpart of the same class within ``PIXELS``.
        box: Of a side of a box, in pixels.
        score: Of a score.
        mask: Share of the pixels of a mask whose class changes, from 0 to 1. None without a segmentor.
    """

    level: int = 0
    detections: int | None = None
    lost: int = 0
    box: float = 0.0
    score: float = 0.0
    mask: float | None = None

    @property
    def excess(self) -> str:
        """What is more than a small file may cost, in words; '' where nothing is."""
        found = [
            (self.level > LEVELS, f'an image changes by {self.level}/255 (at most {LEVELS}/255)'),
            (self.lost > 0, f'{self.lost} of {self.detections} detections have no counterpart of their class within '
                            f'{PIXELS:g} pixel'),
            (self.score > SCORE, f'a score changes by {self.score:.3f} (at most {SCORE})'),
            ((self.mask or 0) > CLASSES, f'a mask has another class at {self.mask or 0:.1%} of its pixels (at most '
                                          f'{CLASSES:.0%})'),
        ]
        return '; '.join(text for exceeded, text in found if exceeded)

    def __str__(self) -> str:
        texts = [f'images change by at most {self.level}/255']
        if self.detections is not None:
            texts.append(f'boxes of {self.detections} detections by {self.box:.2f} pixels, scores by {self.score:.4f}')
        if self.mask is not None:
            texts.append(f'masks at {self.mask:.2%} of their pixels')
        return ', '.join(texts)


def half_weights(model: nn.Module) -> dict[str, Tensor]:
    """Return the state dict of a model with its parameters in float16, for a file of half the size.

    Buffers (the statistics of BatchNorm) stay as they are. So does a parameter that float16 cannot hold: one with a
    value beyond 65504, or one so small that it loses more than 2^-11 of its largest value. ``load_state_dict`` makes
    float32 of all again.

    Example:
        >>> weights = half_weights(nn.BatchNorm2d(2))
        >>> weights['weight'].dtype, weights['running_var'].dtype
        (torch.float16, torch.float32)
    """
    parameters = {name for name, _ in model.named_parameters(remove_duplicate=False)}
    return {name: _half(value) if name in parameters else value for name, value in model.state_dict().items()}


def build_inferencer(model: nn.Module, score_thr: float = SHOWN) -> BaseInferencer:
    """Return the inferencer for the sensors of a model; one that deblurs gets a kernel, a box of 5 x 5.

    Raises:
        ValueError: If the model makes no image.
    """
    kind = _INFERENCERS.get(_sensors(model), FusionInferencer)
    options = dict(kernel=np.ones((5, 5))) if getattr(model, 'takes_kernel', False) else {}
    return kind(model, score_thr=score_thr, **options)


def builtin_inputs(model: nn.Module, length: int = 4, size: tuple[int, int] = (256, 320)) -> Iterator[list[np.ndarray]]:
    """Yield drawn scenes as the inferencer of a model takes them.

    Args:
        model: Model; its sensors say which scenes.
        length: Number of scenes. Defaults to 4.
        size: Rows and columns. Defaults to (256, 320).

    Shape:
        A pair: H x W x 3 and H x W uint8. One sensor: H x W x 3 uint8. Super-resolution: target H x W float32 in
        metres, guide H x W x 3 uint8.
    """
    options, names = dict(length=length, size=size, seed=10), ('img', 'infrared')  # a seed that no config trains on
    if _sensors(model) == ('visible',):
        scenes, names = SyntheticLowLightScenes(**options), ('img',)
    elif _sensors(model) == ('guide', 'target'):
        scenes, names = SyntheticGuidedScenes('depth', **options), ('target', 'img')
    else:
        scenes = SyntheticScenes(**options)
    for index in range(length):
        info = scenes.get_data_info(index)
        yield [info[name] for name in names]


def weights_effect(model: nn.Module, weights: Mapping[str, Tensor],
                   inputs: Iterable[Iterable[Image]]) -> WeightsEffect:
    """Return what other weights change of the results of a model.

    Args:
        model: Model with its weights. It is not changed.
        weights: The other weights.
        inputs: What its inferencer takes: paths or arrays, of each input as many as it has sensors.

    Raises:
        ValueError: If an input does not fit the model.
    """
    other = copy.deepcopy(model)
    other.load_state_dict(weights)
    inferencers = [build_inferencer(network, _FAINT) for network in (model, other)]
    effect = WeightsEffect()
    for images in inputs:
        first, second = (infer(*images) for infer in inferencers)
        levels = np.abs(first['image'].astype(int) - second['image'].astype(int))
        effect.level = max(effect.level, int(levels.max()))
        if first['mask'] is not None:
            effect.mask = max(effect.mask or 0.0, float((first['mask'] != second['mask']).mean()))
        if first['boxes'] is not None:
            effect.detections = effect.detections or 0
            _compare(effect, first, second)
            _compare(effect, second, first)
    return effect


def _compare(effect: WeightsEffect, found: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> None:
    """Compare each detection that counts with the one of the same class within ``PIXELS`` that is nearest in score."""
    for box, score, label in zip(found['boxes'], found['scores'], found['labels'], strict=True):
        if score < SHOWN:
            continue
        effect.detections += 1
        moved = np.abs(other['boxes'] - box).max(axis=1, initial=0)
        near = (moved <= PIXELS) & (other['labels'] == label)
        if not near.any():
            effect.lost += 1
            continue
        changes = np.where(near, np.abs(other['scores'] - score), np.inf)
        effect.score = max(effect.score, float(changes.min()))
        effect.box = max(effect.box, float(moved[changes.argmin()]))


def _half(value: Tensor) -> Tensor:
    half = value.half()
    error = (half.to(value.dtype) - value).abs()  # infinite where a value is beyond float16
    return half if value.numel() and error.max() <= PRECISION * value.abs().max() else value


def _sensors(model: nn.Module) -> tuple[str, ...]:
    return tuple(getattr(getattr(model, 'scene', model), 'sensors', ()))
