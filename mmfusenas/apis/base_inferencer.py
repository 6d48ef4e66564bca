"""Base class of the inferencers: the model, its task, the files that are written."""
from __future__ import annotations

import json
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import groupby
from os import path as osp
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch
from mmengine.dataset import Compose, pseudo_collate
from mmengine.device import get_device
from mmengine.registry import DefaultScope
from mmengine.structures import BaseDataElement
from torch import nn

from mmfusenas.apis.arguments import (
    Image,
    as_array,
    checked_pairs,
    images_in_order,
    in_lists,
    is_source,
    names_of_images,
    options_of,
    pairs_of,
    refuse_unknown,
)
from mmfusenas.apis.exported_model import ExportedModel, exported_model
from mmfusenas.apis.loading import load_model
from mmfusenas.apis.optimize import optimize_for_inference
from mmfusenas.apis.result import Result
from mmfusenas.core.errors import FileNotWrittenError, InputError, UserError
from mmfusenas.core.files import write_text
from mmfusenas.datasets.images import ImageError, float_ranges, write_image
from mmfusenas.datasets.pairing import PATHS, Pair
from mmfusenas.datasets.transforms.pack_pair import get_role, image_tensor
from mmfusenas.models.task_guided import TaskGuided
from mmfusenas.structures import FusionDataSample
from mmfusenas.utils import memory
from mmfusenas.utils.allocator import keep_freed_memory, limit_kernel_cache
from mmfusenas.utils.checkpoint import save_array
from mmfusenas.utils.config_parts import type_name
from mmfusenas.utils.progress import shown
from mmfusenas.utils.stop_signals import StopSignals

SIZES = 4
"""Sizes of images after which freed memory goes back to the system."""
SMALLEST = 3
"""Of a side in pixels: with less there is nothing to reflect at the border."""

_NOISE = ('noise_level', 'denoised')
_ALSO = (*_NOISE, 'replaced', 'shift')


class BaseInferencer(ABC):
    """Base of the inferencers: a model that makes one image, and detects or segments in it where it has a task.

    The image has the size of the input, whatever size the task works at: it gets the input as the transforms of its
    test data make it, and its boxes and masks are in pixels of the input. On a CPU the process keeps the memory that it
    has used (:func:`~mmfusenas.utils.allocator.keep_freed_memory`), for speed, and gives it back after images of
    ``SIZES`` sizes, since each leaves gaps that fit no other.

    Args:
        model: A model, which is copied, or what :func:`load_model` takes: a name (``'tim-light'``), a config, or a
            checkpoint alone; or an ONNX file (:class:`~mmfusenas.apis.exported_model.ExportedModel`).
        checkpoint: Checkpoint that belongs to a config.
        device: Device, for what is not yet a model. Defaults to None, a GPU where torch sees one; of an ONNX file the
            CPU.
        score_thr: Lowest score of the detections returned, from 0 to 1. Defaults to 0.3.

    Raises:
        TypeError: If an argument has another name.
        ValueError: If ``score_thr`` is no score, the model makes no image or takes those of other sensors; and what
            :func:`load_model` raises.
    """

    sensors: tuple[str, ...]
    """Whose images the models take."""
    otherwise = ''
    """What to do with a model of other sensors."""
    lacking = ''
    """What to do where a sensor has no image."""
    missing = 'error'
    """What is done there, as of :func:`input_pairs`."""

    def __init__(self, model: nn.Module | str | Path, checkpoint: str | Path | None = None, device: str | None = None,
                 score_thr: float = 0.3, **unknown: Any) -> None:
        refuse_unknown(type(self).__name__, unknown, options_of(type(self)))
        if not 0 <= score_thr <= 1:
            raise InputError(f'{type(self).__name__} got score_thr={score_thr}; scores lie between 0 and 1.')
        limit_kernel_cache()  # before the first layer runs
        self.source = dict(model=str(checkpoint or model), config=str(model) if checkpoint else None)
        if isinstance(model, nn.Module):
            self.source['model'] = getattr(model, 'path', type(model).__name__)
        elif Path(model).suffix.lower() == '.onnx':
            model = exported_model(model, checkpoint, device)
        else:
            model = load_model(model, checkpoint, device or get_device())
        self.model = optimize_for_inference(model)
        if not any(parameter.is_cuda for parameter in self.model.parameters()):
            keep_freed_memory()
        guided = isinstance(model, TaskGuided)
        self.scene = self.model.scene if guided else self.model
        # A task in the stage 'scene' has not learned anything yet.
        self.has_task = model.stage != 'scene' if guided else getattr(model, 'has_task', False)
        self.segments = self.has_task and (hasattr(model.task, 'decode_head') if guided else model.segments)
        self._check_sensors()
        self.score_thr = score_thr
        self._sizes: set[tuple[int, int]] = set()
        self.dataset_meta = getattr(model, 'dataset_meta', {})
        pipeline = getattr(model, 'test_pipeline', None) or ()
        self.loading = next((step for step in pipeline if type_name(step) == 'LoadPairFromFile'), {})
        self.pipeline = None
        if guided and self.has_task:
            # Where a model comes without the transforms of its test data, the task sees the images as they are.
            pack = 'PackPairSegInputs' if self.segments else 'PackPairDetInputs'
            steps = [step for step in pipeline if not type_name(step).startswith('Load')] or [dict(type=pack)]
            with DefaultScope.overwrite_default_scope('mmfusenas'):
                self.pipeline = Compose(steps)

    def _check_sensors(self) -> None:
        """Raise where the model makes no image, or of what this inferencer does not give; say so where of less."""
        if not hasattr(self.scene, 'images'):
            raise InputError(f'{type(self.scene).__name__} makes no image, and nothing else to show.')
        if not set(self.scene.sensors) <= set(self.sensors):
            raise InputError(f'{type(self).__name__} gives a model images of {" and ".join(self.sensors)}; '
                             f'{type(self.scene).__name__} takes {" and ".join(self.scene.sensors)}. {self.otherwise}')
        if self.scene.sensors != self.sensors:
            warnings.warn(f'{type(self.scene).__name__} looks at {" and ".join(self.scene.sensors)} alone. '
                          f'{self.otherwise}', stacklevel=3)

    @abstractmethod
    def read(self, *images: Image) -> dict[str, Any]:
        """Return what a data set would hand to its pipeline after loading."""

    def __call__(self, *images: Image | Sequence[Image], batch_size: int = 1, **named: Any) -> Result | list[Result]:
        """Run on one input, or on lists or folders of them.

        Args:
            *images: Paths, arrays as ``mmcv.imread`` gives, tensors C x H x W (BGR) or images of Pillow, see
                :meth:`read`; lists of these, of equal lengths; or folders or ``.txt`` lists, which
                :func:`~mmfusenas.apis.pairs.input_pairs` pairs. All results of these are in memory: :meth:`run` writes
                them one by one.
            batch_size: Inputs of lists that are read together; neighbours of one size are computed at once. Defaults
                to 1.
            **named: Images by the names that :meth:`read` has for them.

        Returns:
            A :class:`~mmfusenas.apis.result.Result`, of lists and folders a list of them: ``image`` (uint8 H x W x 3,
            BGR), ``boxes`` (N x 4, pixels of the input), ``scores`` and ``labels`` (N), ``mask`` (uint8 H x W, class
            numbers). What the model does not predict is None. RUAS_A adds ``noise_level`` (of the [0, 1] image) and
            ``denoised`` (whether noise was removed).

        Raises:
            TypeError: If there is another number of images, or an argument of another name.
            ValueError: If the image is smaller than 3 x 3, lists differ in length, or the batch size is none of the
                model; and what :meth:`read` and :func:`~mmfusenas.apis.pairs.input_pairs` raise.
        """
        names = names_of_images(self.read) or tuple(self.sensors)
        unknown = {name: value for name, value in named.items() if name not in names}
        refuse_unknown(type(self).__name__, unknown, [*names, 'batch_size'], options_of(type(self)))
        hint = self.otherwise if len(names) == 1 else self.lacking if self.missing == 'error' else ''
        images = images_in_order(type(self).__name__, names, images, named, hint)
        if any(isinstance(image, (list, tuple)) for image in images):
            inputs, read = in_lists(images, names), self._read
        elif any(map(is_source, images)):
            inputs, read = pairs_of(images, names, self.missing, self.lacking), self._read_pair
        else:
            self._batches([images], batch_size)
            return self._run([self._read(images)])[0]
        results = (result for batch in self._batches(inputs, batch_size)
                   for result in self._run([read(each) for each in batch]))
        return list(shown(results, 'working', len(inputs)))

    def _read(self, images: Sequence[Image]) -> dict[str, Any]:
        return self.read(*map(as_array, images))

    def _batches(self, inputs: Sequence, batch_size: int) -> list[Sequence]:
        """Return inputs in batches; raise an InputError where the size is no size, or the model takes no batch."""
        if isinstance(batch_size, bool) or not isinstance(batch_size, (int, np.integer)) or batch_size < 1:
            raise InputError(f'{type(self).__name__} got batch_size={batch_size!r}; it is a whole number from 1.')
        if batch_size > 1 and isinstance(self.model, ExportedModel):
            raise InputError(f'{self.model.path} takes one input at a time: leave batch_size={batch_size} out.')
        return [inputs[start:start + batch_size] for start in range(0, len(inputs), batch_size)]

    def _run(self, read: Sequence[dict[str, Any]]) -> list[Result]:
        """Return the results of what was read; neighbours of one size are computed at once."""
        for results in read:
            if min(results['img'].shape[:2]) < SMALLEST:
                raise InputError(f'{results["img_path"]} is {results["img"].shape[1]} x {results["img"].shape[0]}: an '
                                 f'image needs at least {SMALLEST} x {SMALLEST} pixels.')
        return [result for _, batch in groupby(read, _shapes) for result in self._run_batch(list(batch))]

    def _run_batch(self, batch: list[dict[str, Any]]) -> list[Result]:
        """Return the results of what was read, of one size."""
        began, size = perf_counter(), batch[0]['img'].shape[:2]
        self._count_size(size)
        outputs = []
        for results in batch:
            results.setdefault(
                'float_range', float_ranges({key: results[key] for key in ('img', 'infrared') if key in results}))
            outputs.append(dict(dict.fromkeys(('image', 'boxes', 'scores', 'labels', 'mask')),
                                **{name: results[name] for name in ('replaced', 'shift') if name in results}))
        samples = []
        with torch.inference_mode():
            if self.pipeline:
                samples = self.model.test_step(pseudo_collate([self.pipeline(dict(results)) for results in batch]))
                for output, sample in zip(outputs, samples, strict=True):
                    output.update(self._predictions(sample, sample.ori_shape))
            if samples and tuple(samples[0].img_shape[:2]) == size:
                images = [dict(image=sample.pred_img) for sample in samples]
            else:
                images = self._images(batch)
        seconds = (perf_counter() - began) / len(batch)
        return [Result(output | image, self.dataset_meta, [results[key] for key in PATHS.values() if key in results],
                       seconds) for results, output, image in zip(batch, outputs, images, strict=True)]

    def reset(self) -> None:  # noqa: B027, most inferencers keep nothing from image to image
        """Begin a new sequence of images: what comes next has nothing to do with what came before."""

    def _count_size(self, size: tuple[int, int]) -> None:
        """Give freed memory back where there were images of many sizes."""
        self._sizes.add(size)
        if len(self._sizes) == SIZES:
            self._sizes.clear()
            memory.empty_cache(next(self.model.parameters(), torch.empty(0)).device)

    def run(self, pairs: Sequence[Pair], out_dir: str | Path, batch_size: int = 1) -> Path:
        """Run on many inputs, show the progress, and write the results.

        ``out_dir`` gets ``images/STEM.png``; of guided super-resolution ``restored/STEM.npy`` and, of one band in whole
        numbers, ``restored/STEM.png`` (16 bit, in the unit of the target), of hyper-guided restoration
        ``guidance/STEM.npy``; with a detector or segmentor ``drawn/STEM.png``; with a segmentor ``masks/STEM.png``
        (class numbers, 8 bit); and ``predictions.json``: a list ``images`` with ``stem``, ``image`` (path in
        ``out_dir``), ``boxes``, ``scores``, ``labels``, ``classes`` (the name of each label; these four are null
        without a detector), of RUAS_A ``noise_level`` and ``denoised``, and ``model``, ``config`` and, where there are
        models for one sensor by itself, ``alone``; while the first run goes on, and after it was killed, ``unfinished``
        alone.

        Args:
            pairs: Inputs, as :func:`input_pairs` or :func:`input_images` gives.
            out_dir: Folder of the results; made where it is missing.
            batch_size: Inputs that are read together; neighbours of one size are computed at once. Defaults to 1.

        Returns:
            Path of ``predictions.json``.

        Raises:
            ValueError: If a result would overwrite an image of the input, the images of a pair are of two sizes, or
                the batch size is none of the model.
            ImageError: If a file is missing or no image, an input does not fit the model or into memory: at the end,
                when all others are done. They are listed as ``failed`` in ``predictions.json``, which is also written
                where the run is stopped.
        """
        checked_pairs(type(self).__name__, pairs)
        out_dir, batches = Path(out_dir), self._batches(pairs, batch_size)
        self.check(pairs, out_dir / 'images')
        _link_old_name(out_dir)
        images: list[dict] = []
        failed: dict[str, str] = {}
        first: Exception | None = None  # alone: each keeps the tensors that it was raised with
        groups = (group for batch in batches for group in self._outcomes(batch))
        predictions = out_dir / 'predictions.json'
        mark_results(out_dir)
        try:
            for group in shown(groups, 'working', len(pairs), size=len):
                with StopSignals('batch'):  # what is computed is worth its files
                    for pair, outcome in group:
                        try:
                            images.append(self._save(pair, outcome, out_dir))
                        except FileNotWrittenError:  # nor would the next be
                            raise
                        except Exception as error:  # whatever is wrong with one input, the others are worth theirs
                            failed[pair.stem], first = said(error), first or error
        finally:
            content = dict(images=images, **self.source, **(dict(failed=failed) if failed else {}))
            write_text(predictions, json.dumps(content, indent=1) + '\n')
        if first:
            others = f' The results of the others are in {out_dir}.' if images else ''
            raise ImageError(f'{len(failed)} of {len(pairs)} inputs could not be used.{others} The first: '
                             f'{said(first)}') from first
        return predictions

    def check(self, pairs: Sequence[Pair], folder: Path) -> None:
        """Look at the inputs, so that what does not fit is known before the first result is written to ``folder``."""
        for pair in pairs:
            target = osp.realpath(folder / f'{pair.stem}.png')
            if target in map(osp.realpath, pair.paths):
                raise InputError(f'The result {target} would overwrite its own input: choose another folder.')
        names = ['images', *['drawn'] * self.has_task, *['masks'] * self.segments]
        check_results(folder.parent, (folder.parent / name / f'{pair.stem}.png' for name in names for pair in pairs))

    def images_of(self, pair: Pair) -> Sequence[str | None]:
        """Return what to run on for a pair."""
        return pair.paths

    def record(self, output: Result) -> dict[str, Any]:
        """Return what a result says beside its images, as JSON takes it."""
        found = {key: None if output[key] is None else output[key].tolist() for key in ('boxes', 'scores', 'labels')}
        found.update({key: output[key] for key in _ALSO if key in output})
        return dict(found, classes=output.class_names)

    def _images(self, batch: list[dict[str, Any]]) -> list[dict[str, np.ndarray]]:
        """Return the scene module's ``image`` of each input at its size, and what else it says of it."""
        keys = (*PATHS.values(), 'img_shape', 'target_range', 'float_range')
        samples = [FusionDataSample(metainfo={key: results[key] for key in keys if key in results})
                   for results in batch]
        inputs = {get_role(key, batch[0]): [image_tensor(results[key]) for results in batch]
                  for key in ('img', 'infrared', 'target', 'kernel') if key in batch[0]}
        data = self.model.data_preprocessor(dict(inputs=inputs, data_samples=samples))
        made = []
        for sample in self.scene(**data, mode='predict'):
            found = {key: sample.get(key) for key in ('restored', 'guidance', *_NOISE) if key in sample}
            if 'pred_instances' in sample or 'pred_sem_seg' in sample:  # of an exported graph
                found.update(self._predictions(sample, sample.img_shape))
            made.append(dict(image=np.ascontiguousarray(sample.pred_img), **found))
        return made

    def _predictions(self, sample: BaseDataElement, size: tuple[int, ...]) -> dict[str, np.ndarray]:
        """Return what the task found, in pixels of the input of a height and width."""
        if 'pred_sem_seg' in sample:
            return dict(mask=sample.pred_sem_seg.data[0].cpu().numpy().astype(np.uint8))
        found = sample.pred_instances
        found = found[found.scores >= self.score_thr].cpu().numpy()
        height, width = size[:2]
        boxes = found.bboxes.clip(0, [width, height, width, height])  # rounding may pass the border
        return dict(boxes=boxes.astype(np.float32), scores=found.scores, labels=found.labels)

    def _outcomes(self, pairs: Sequence[Pair]) -> Iterator[list[tuple[Pair, Result | Exception]]]:
        """Give inputs with their results, or what was wrong with them, as soon as they are known.

        Each is read once, since an inferencer watches what it reads; neighbours of one size are computed at once.
        """
        read = [(pair, self._tried(pair)) for pair in pairs]
        for _, group in groupby(read, lambda each: each[1] if isinstance(each[1], Exception) else _shapes(each[1])):
            yield from self._computed(list(group))

    def _computed(self, group: Sequence[tuple[Pair, dict[str, Any] | Exception]]
                  ) -> Iterator[list[tuple[Pair, Result | Exception]]]:
        """Give the results of what was read, of one size: at once, or one by one where that fails."""
        pairs, read = zip(*group, strict=True)
        results = [each for each in read if isinstance(each, Exception)]
        try:
            results = results or self._run(read)
        except Exception as error:  # whatever it is: the others are tried without it
            if len(group) == 1:
                results = [error]
        if results:
            yield list(zip(pairs, results, strict=True))
            return
        # Not above: there the error keeps the tensors of the batch, and it may be one of memory.
        for each in group:
            yield from self._computed([each])

    def _tried(self, pair: Pair) -> dict[str, Any] | Exception:
        """Return what was read, or what was wrong with it."""
        try:
            return self._read_pair(pair)
        except Exception as error:
            return error

    def _read_pair(self, pair: Pair) -> dict[str, Any]:
        self.reset()
        return self._read(self.images_of(pair))

    def _save(self, pair: Pair, output: Result | Exception, out_dir: Path) -> dict[str, Any]:
        if isinstance(output, Exception):
            raise output
        name = f'images/{pair.stem}.png'
        write_image(out_dir / name, output['image'])
        for array in ('restored', 'guidance'):
            if array in output:
                save_array(out_dir / array / f'{pair.stem}.npy', output[array])
        if 'restored_16' in output:
            write_image(out_dir / 'restored' / f'{pair.stem}.png', output['restored_16'])
        if self.has_task:
            output.save(out_dir / 'drawn' / f'{pair.stem}.png')
        if output['mask'] is not None:
            write_image(out_dir / 'masks' / f'{pair.stem}.png', output['mask'])
        # picture: the name of image before; it goes with the next release.
        return dict(stem=pair.stem, image=name, picture=name, **self.record(output))


def check_results(out_dir: Path, results: Iterable[Path]) -> None:
    """Raise an InputError where one of the results is there already, in a folder of no earlier run."""
    taken = None if (out_dir / 'predictions.json').is_file() else next(filter(Path.exists, results), None)
    if taken:
        raise InputError(f'{taken} is there, and no earlier run wrote it: {out_dir} has no predictions.json. Choose '
                         'another folder for the results.')


def mark_results(out_dir: Path) -> None:
    """Say in a folder that its results are those of a run, also where that is killed."""
    if not (out_dir / 'predictions.json').exists():
        write_text(out_dir / 'predictions.json', '{"unfinished": true}\n')


def said(error: Exception) -> str:
    """Return the text of an error, with its kind where it was not foreseen."""
    return str(error) if isinstance(error, UserError) else f'{type(error).__name__}: {error}'


def _link_old_name(out_dir: Path) -> None:
    """Let the images be found in ``pictures`` too, their folder's name before; this goes with the next release."""
    link = out_dir / 'pictures'
    out_dir.mkdir(parents=True, exist_ok=True)
    if not link.exists() and not link.is_symlink():
        with suppress(OSError):  # of a file system without links
            link.symlink_to('images', target_is_directory=True)


def _shapes(results: dict[str, Any]) -> list[tuple[str, tuple[int, ...]]]:
    """Return the shapes of the images that were read, by their names."""
    return [(key, value.shape) for key, value in results.items() if isinstance(value, np.ndarray)]
