"""Fusing pairs of pictures, and detecting or segmenting in them, from Python."""
from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from os import path as osp
from pathlib import Path
from typing import Any

import cv2
import mmcv
import numpy as np
import torch
from mmengine.dataset import Compose, pseudo_collate
from mmengine.registry import DefaultScope
from mmengine.structures import BaseDataElement
from rich.progress import track
from torch import nn

from mmfusenas.apis.loading import load_model
from mmfusenas.apis.optimize import optimize_for_inference
from mmfusenas.datasets.pairing import Pair
from mmfusenas.datasets.pictures import (
    match_sizes,
    picture_size,
    read_infrared,
    read_pair,
    read_visible,
    to_colour,
    to_grey,
)
from mmfusenas.datasets.transforms.pack_pair import picture_tensor
from mmfusenas.models.utils.color import to_uint8
from mmfusenas.nas.files import write_text
from mmfusenas.utils.allocator import keep_freed_memory
from mmfusenas.visualization import draw_mask, enlarge

Picture = str | Path | np.ndarray

SMALLEST = 3
"""Of a side in pixels: with less there is nothing to reflect at the border."""

class FusionInferencer:
    """Fuse pairs, and detect or segment in the fused pictures where the model has a detector or a segmentor.

    The fused picture has the size and the colour of the visible input, whatever size the detector works at: it gets
    the pair as the transforms of its test data make it, and its boxes and masks are in pixels of the input. Of medical
    pairs the coloured picture (PET, SPECT) takes the place of the visible one, the MRI that of the infrared. On a CPU
    the process keeps the memory that it has used (:func:`~mmfusenas.utils.allocator.keep_freed_memory`), for speed.

    Args:
        model: A model, which is copied, or what :func:`load_model` takes: a name (``'tim-light'``), a config, or a
            checkpoint alone.
        checkpoint: Checkpoint that belongs to a config.
        device: Device, for what is not yet a model. Defaults to 'cpu'.
        score_thr: Lowest score of the detections returned, from 0 to 1. Defaults to 0.3.

    Raises:
        ValueError: If ``score_thr`` is no score; and what :func:`load_model` raises.

    Example:
        >>> infer = FusionInferencer('tim-light')  # doctest: +SKIP
        >>> infer('scene_vi.png', 'scene_ir.png')['picture'].shape  # doctest: +SKIP
        (448, 620, 3)
    """

    def __init__(self, model: nn.Module | str | Path, checkpoint: str | Path | None = None, device: str = 'cpu',
                 score_thr: float = 0.3) -> None:
        if not 0 <= score_thr <= 1:
            raise ValueError(f'FusionInferencer got score_thr={score_thr}; scores lie between 0 and 1.')
        self.source = dict(model=str(checkpoint or model), config=str(model) if checkpoint else None)
        if isinstance(model, nn.Module):
            self.source['model'] = type(model).__name__
        else:
            model = load_model(model, checkpoint, device)
        self.model = optimize_for_inference(model)
        if not any(parameter.is_cuda for parameter in self.model.parameters()):
            keep_freed_memory()
        self.has_task = hasattr(model, 'task')
        self.scene = self.model.scene if self.has_task else self.model
        self.score_thr = score_thr
        self.dataset_meta = getattr(model, 'dataset_meta', {})
        pipeline = getattr(model, 'test_pipeline', None) or ()
        self.resize = next((step.get('resize') for step in pipeline if _is(step, 'LoadPairFromFile')), None)
        if self.has_task:
            # Where a model comes without the transforms of its test data, the task sees the pair as it is.
            pack = 'PackPairSegInputs' if hasattr(model.task, 'decode_head') else 'PackPairDetInputs'
            steps = [step for step in pipeline if not _is(step, 'Load')] or [dict(type=pack)]
            with DefaultScope.overwrite_default_scope('mmfusenas'):
                self.pipeline = Compose(steps)

    def __call__(self, visible: Picture, infrared: Picture) -> dict[str, np.ndarray | None]:
        """Run on one pair.

        Args:
            visible: Path, or array H x W x 3 (BGR) or H x W, of 8 or 16 bit, as ``mmcv.imread`` gives.
            infrared: Path, or array H x W (or H x W x 3), of 8 or 16 bit.

        Returns:
            ``picture`` (uint8 H x W x 3, BGR), ``boxes`` (N x 4, pixels of the input), ``scores`` and ``labels`` (N),
            ``mask`` (uint8 H x W, class numbers). What the model does not predict is None.

        Raises:
            ValueError: If the two differ in size (and the test pipeline does not ask to resize), hold NaN, or are
                smaller than 3 x 3.
            PictureError: If a file is missing or unreadable.
        """
        results = self._read(visible, infrared)
        output = dict(picture=None, boxes=None, scores=None, labels=None, mask=None)
        with torch.inference_mode():
            if self.has_task:
                sample = self.model.test_step(pseudo_collate([self.pipeline(dict(results))]))[0]
                output.update(self._predictions(sample))
                if tuple(sample.img_shape[:2]) == results['img'].shape[:2]:
                    return dict(output, picture=sample.fused_img)
            return dict(output, picture=self._fuse(results))

    def run(self, pairs: Sequence[Pair], out_dir: str | Path) -> Path:
        """Run on many pairs, show the progress, and write the results.

        ``out_dir`` gets ``pictures/STEM.png``; with a detector or segmentor ``drawn/STEM.png``; with a segmentor
        ``masks/STEM.png`` (class numbers, 8 bit); and ``predictions.json``: a list ``images`` with ``stem``,
        ``picture`` (path in ``out_dir``), ``boxes``, ``scores``, ``labels``, ``classes`` (the name of each label; these
        four are null without a detector), and ``model`` and ``config``.

        Args:
            pairs: Pairs, as :func:`input_pairs` gives.
            out_dir: Folder of the results; made where it is missing.

        Returns:
            Path of ``predictions.json``.

        Raises:
            ValueError: If a result would overwrite a picture of the input, or the pictures of a pair differ in size and
                the model's pipeline does not resize them.
            PictureError: If a file is missing or no picture.
        """
        out_dir = Path(out_dir)
        _check_targets(pairs, out_dir / 'pictures')
        if self.resize is None:
            _check_sizes(pairs)
        images = [self._save(pair, out_dir) for pair in track(pairs, 'fusing')]
        predictions = out_dir / 'predictions.json'
        write_text(predictions, json.dumps(dict(images=images, **self.source), indent=1) + '\n')
        return predictions

    def draw(self, output: dict[str, np.ndarray | None]) -> np.ndarray:
        """Return the picture of a result with its detections or its mask drawn in; small pictures are enlarged."""
        picture, factor = enlarge(output['picture'])
        if output['mask'] is not None:
            return draw_mask(picture, output['mask'], self.dataset_meta)
        from mmfusenas.visualization import draw_detections  # there are no detections without mmdet
        return draw_detections(picture, output['boxes'] * factor, output['labels'], output['scores'], self.dataset_meta)

    def _read(self, visible: Picture, infrared: Picture) -> dict[str, Any]:
        """Return what a data set would hand to its pipeline after loading."""
        paths = [str(x) if isinstance(x, (str, Path)) else f'the {name} array'
                 for x, name in ((visible, 'visible'), (infrared, 'infrared'))]
        if isinstance(visible, np.ndarray) or isinstance(infrared, np.ndarray):
            visible = to_colour(visible) if isinstance(visible, np.ndarray) else read_visible(paths[0])
            infrared = to_grey(infrared) if isinstance(infrared, np.ndarray) else read_infrared(paths[1])
        else:
            visible, infrared = read_pair(*paths)
        if visible.shape[:2] != infrared.shape[:2] and self.resize is None:
            (height, width), (height2, width2) = visible.shape[:2], infrared.shape[:2]
            raise ValueError(f'The pictures of a pair differ in size: {paths[0]} is {width} x {height}, {paths[1]} is '
                             f'{width2} x {height2} (width x height). Register them and bring them to one size first.')
        visible, infrared = match_sizes(visible, infrared, self.resize)
        if min(visible.shape[:2]) < SMALLEST:
            raise ValueError(f'{paths[0]} is {visible.shape[1]} x {visible.shape[0]}: a picture needs at least '
                             f'{SMALLEST} x {SMALLEST} pixels.')
        return dict(img=visible, img2=infrared, img_path=paths[0], img_path2=paths[1], img_id=0,
                    img_shape=visible.shape[:2], ori_shape=visible.shape[:2])

    def _fuse(self, results: dict[str, Any]) -> np.ndarray:
        """Return the fused picture at the size of the input."""
        sample = BaseDataElement(metainfo={key: results[key] for key in ('img_path', 'img_path2')})
        inputs = dict(visible=[picture_tensor(results['img'])], infrared=[picture_tensor(results['img2'])])
        inputs = self.model.data_preprocessor(dict(inputs=inputs, data_samples=[sample]))['inputs']
        return to_uint8(self.scene.pictures(inputs)['picture'][0]).permute(1, 2, 0).contiguous().cpu().numpy()

    def _predictions(self, sample: BaseDataElement) -> dict[str, np.ndarray]:
        """Return what the task found, in pixels of the input."""
        if 'pred_sem_seg' in sample:
            return dict(mask=sample.pred_sem_seg.data[0].cpu().numpy().astype(np.uint8))
        found = sample.pred_instances
        found = found[found.scores >= self.score_thr].cpu().numpy()
        height, width = sample.ori_shape[:2]
        boxes = found.bboxes.clip(0, [width, height, width, height])  # rounding may pass the border
        return dict(boxes=boxes.astype(np.float32), scores=found.scores, labels=found.labels)

    def _save(self, pair: Pair, out_dir: Path) -> dict[str, Any]:
        output = self(pair.visible, pair.infrared)
        name = f'pictures/{pair.stem}.png'
        _write_picture(out_dir / name, output['picture'])
        if self.has_task:
            _write_picture(out_dir / 'drawn' / f'{pair.stem}.png', self.draw(output))
        if output['mask'] is not None:
            _write_picture(out_dir / 'masks' / f'{pair.stem}.png', output['mask'])
        found = {key: None if output[key] is None else output[key].tolist() for key in ('boxes', 'scores', 'labels')}
        return dict(stem=pair.stem, picture=name, **found, classes=self._class_names(found['labels']))

    def _class_names(self, labels: list[int] | None) -> list[str] | None:
        classes = self.dataset_meta.get('classes') or ()
        return labels and [classes[label] if label < len(classes) else str(label) for label in labels]


def _is(step: Any, name: str) -> bool:
    """Return whether a transform's registered name, without scope, begins with ``name``."""
    return str(step['type']).rpartition('.')[2].startswith(name)


def _check_sizes(pairs: Iterable[Pair]) -> None:
    """Read the headers, so that a pair that does not fit is known before the first is fused."""
    sizes = [(pair, picture_size(pair.visible), picture_size(pair.infrared)) for pair in pairs]
    cases = [f'{pair.visible} is {w} x {h}, {pair.infrared} is {w2} x {h2}'
             for pair, (h, w), (h2, w2) in sizes if (h, w) != (h2, w2)]
    if cases:
        shown = '\n'.join(f'  {case}' for case in cases[:5])
        raise ValueError(f'{len(cases)} of {len(sizes)} pairs have pictures of two sizes (width x height):\n{shown}\n'
                         'Register them and bring them to one size first.')


def _check_targets(pairs: Iterable[Pair], folder: Path) -> None:
    for pair in pairs:
        target = osp.realpath(folder / f'{pair.stem}.png')
        if target in (osp.realpath(pair.visible), osp.realpath(pair.infrared)):
            raise ValueError(f'The result {target} would overwrite its own input: choose another folder.')


def _write_picture(path: Path, picture: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not mmcv.imwrite(picture, str(path), [cv2.IMWRITE_PNG_COMPRESSION, 3]):
        raise OSError(f'{path} could not be written. Is the disk full?')
