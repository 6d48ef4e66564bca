"""Fusing pairs of images, and detecting or segmenting in them, from Python."""
from __future__ import annotations

import warnings
from collections import deque
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import ConfigDict
from torch import nn

from mmfusenas.apis.arguments import Image, image_name
from mmfusenas.apis.base_inferencer import BaseInferencer
from mmfusenas.apis.exported_model import ExportedModel
from mmfusenas.apis.optimize import use_bfloat16
from mmfusenas.apis.pairs import MISSING
from mmfusenas.apis.result import Result
from mmfusenas.core.errors import InputError, InputTypeError
from mmfusenas.datasets.homography import Homography
from mmfusenas.datasets.images import (
    ImageError,
    checked_array,
    float_ranges,
    image_size,
    largest_value,
    match_sizes,
    read_infrared,
    read_pair,
    read_visible,
    to_colour,
    to_grey,
)
from mmfusenas.datasets.offset import PairAligner, in_pixels, shifted
from mmfusenas.datasets.pairing import Pair
from mmfusenas.datasets.sensor_fault import FrozenWatch, failed_sensor
from mmfusenas.datasets.thermal import ThermalScale
from mmfusenas.models.data_preprocessors.pair_data_preprocessor import LEAST_SHARE
from mmfusenas.models.scene.tiles import OVERLAP, checked_tile
from mmfusenas.utils.processor import computes_in_bfloat16
from mmfusenas.utils.weights import weights_records

_SIZES = ("Give resize='visible', of the tool --resize visible, where both show the same view; else register them and "
          'bring them to one size first: tools/analysis_tools/estimate_homography.py, and homography=.')
_LEFT = dict(visible='infrared', infrared='visible')
DRIFT = 0.02
"""Shift of the edges of a pair beyond its homography, in widths, that says that a camera was moved."""


class FusionInferencer(BaseInferencer):
    """Fuse pairs, and detect or segment in the fused images where the model has a detector or a segmentor.

    The fused image has the size and the colour of the visible input. Of medical pairs the coloured image (PET,
    SPECT) takes the place of the visible one, the MRI that of the infrared. Results are those of
    :class:`BaseInferencer`, with ``replaced``, the sensor whose image was missing, and ``shift``, how far an image was
    brought to the right and down (pixels), where that happened.

    Args:
        *args: As of :class:`BaseInferencer`.
        resize: What to do where the images differ in size and show the same view: ``'visible'`` brings the infrared
            one to the visible one's size, ``'infrared'`` the other way round. Defaults to None: as the test data of
            the model do it, else an error.
        homography: Where the infrared camera sees what the visible one does, for two cameras fixed to each other: a
            :class:`~mmfusenas.datasets.homography.Homography`, its matrix or its file. It takes the place of
            ``resize``. Where the edges of most of the last nine pairs lie apart by the same shift, of more than 2 % of
            the width, a warning says so, once. Defaults to None: as the test data of the model do it.
        thermal: How infrared images that hold temperatures or raw counts become images: the arguments of
            :class:`~mmfusenas.datasets.thermal.ThermalScale`. Defaults to None: as the test data of the model do it.
        missing: What to do where one image of a pair is missing, unreadable or of no use: of one value, dark,
            saturated or noisy (:func:`~mmfusenas.datasets.sensor_fault.sensor_fault`), or of a sensor that stands
            (:class:`~mmfusenas.datasets.sensor_fault.FrozenWatch`). ``'fallback'`` takes the other one in its place,
            ``'error'`` ends there where it is missing or unreadable, and takes it as it is else. Defaults to 'error'.
        alone: Models for one sensor by itself, ``dict(visible='FILE.pth')``: each takes the place of this one where
            ``missing='fallback'`` leaves that sensor alone, has the same classes and takes images of the same range.
            Without one, this model gets the image that is left in both places. What the records of bundled weights
            name is there too; ``{}`` is none. Defaults to None.
        align: The sensor whose image stays, ``'visible'`` or ``'infrared'``, while the other one is shifted onto it
            where the edges of a pair say that they lie apart (:class:`~mmfusenas.datasets.offset.PairAligner`): a
            camera was moved, or lags behind. Results are in the frame of the one that stays. With a homography it is
            the shift beyond it. Defaults to None: pairs are taken as they are.
        tile: Side of the parts that the fused image is made of, in pixels, for images that do not fit into memory
            (:func:`~mmfusenas.models.scene.tiles.in_tiles`). A segmentor sees such parts too, in mmseg's mode
            ``'slide'``, a detector the whole image. Defaults to None, all at once.
        amp: Whether to compute in mixed precision with bfloat16, for speed where the processor or GPU has it: fusion,
            and the features of the task. Defaults to False.
        **kwargs: As of :class:`BaseInferencer`.

    Calls in a row are those of one sequence for ``missing`` (which sensor stands) and ``align`` (which shift to keep
    to); :meth:`reset` begins a new one. A video is one, and so is a call with lists; each pair of :meth:`run`, and of a
    call with folders, is one by itself. An infrared image that fills less than a fifth of its range is warned of, once.

    Raises:
        ValueError: On another word, a tile that is too small, or a model of one sensor that finds something else or
            takes images of another range; and what :class:`BaseInferencer` raises.

    Example:
        >>> infer = FusionInferencer('tim-light')
        >>> infer(np.full((61, 83, 3), 90, np.uint8), np.full((61, 83), 60, np.uint8))['image'].shape
        (61, 83, 3)
    """

    sensors = ('visible', 'infrared')
    otherwise = 'Use EnhanceInferencer, or tools/infer.py --input PATH.'
    lacking = ("Where a sensor has no image, give None in its place to a FusionInferencer(..., missing='fallback'), "
               'which takes the other one; a network of one sensor is for EnhanceInferencer.')

    def __init__(self, *args: Any, resize: str | None = None,
                 homography: Homography | Sequence | str | Path | None = None, thermal: dict | None = None,
                 missing: str = 'error', alone: Mapping[str, nn.Module | str | Path] | None = None,
                 align: str | None = None, tile: int | None = None, amp: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        words = (None, *self.sensors)
        if missing not in MISSING or resize not in words or align not in words:
            raise InputError(f"{type(self).__name__} got resize={resize!r}, align={align!r} and missing={missing!r}: "
                             "resize and align are None, 'visible' or 'infrared', missing is "
                             f"{' or '.join(map(repr, MISSING))}.")
        if resize and homography is not None:
            raise InputError(f'{type(self).__name__} got resize={resize!r} and a homography: give one of them.')
        self.resize = resize or self.loading.get('resize')
        self.homography = None if resize else _as_homography(homography, self.loading.get('homography'))
        self.offsets: deque[np.ndarray] = deque(maxlen=9)
        self.drifted = self.flat = False
        thermal = thermal or self.loading.get('thermal')
        self.thermal = ThermalScale(**thermal) if thermal else None
        self.missing, self.align = missing, align
        self.alone = self._models_alone(alone, dict(tile=tile, amp=amp))
        self.reset()
        if isinstance(self.model, ExportedModel) and (tile is not None or amp):
            raise InputError(f'{self.model.path} runs as it was exported: tile and amp are for models in PyTorch.')
        if tile is not None:
            self.scene.tile = checked_tile(tile)
            _slide(getattr(self.model, 'task', None), tile)
        if amp:
            cpu = not any(parameter.is_cuda for parameter in self.model.parameters())
            if cpu and computes_in_bfloat16() is False:
                warnings.warn('amp: this processor has no instructions for bfloat16, so that an image takes many times '
                              'as long as in float32.', stacklevel=2)
            use_bfloat16(self.scene, 'images')
            if self.has_task:
                use_bfloat16(self.model.task, 'extract_feat')

    def read(self, visible: Image | None, infrared: Image | None) -> dict[str, Any]:
        """Return what a data set would hand to its pipeline after loading.

        Args:
            visible: Path, or array H x W x 3 (BGR) or H x W, of 8 or 16 bit, as ``mmcv.imread`` gives; None where it
                is missing.
            infrared: Path, or array H x W (or H x W x 3), of 8 or 16 bit; None where it is missing.

        Raises:
            TypeError: If an image is none, or missing without ``missing='fallback'``.
            ValueError: If the two differ in size (and the test pipeline does not ask to resize), or hold NaN.
            ImageError: If a file is missing or unreadable.
        """
        named = dict(visible=visible, infrared=infrared)
        absent = [sensor for sensor, image in named.items() if image is None]
        if absent and self.missing == 'error':
            raise InputTypeError(f'There is no {" and no ".join(absent)} image. {self.lacking}')
        paths = {sensor: f'no {sensor} image' if image is None else image_name(image, sensor)
                 for sensor, image in named.items()}
        if paths['visible'] == paths['infrared']:  # one file of four channels
            named = dict(zip(named, read_pair(*paths.values()), strict=True))
        loaded, replaced = self._load_both(named, paths)
        if not replaced and 'infrared' in self.scene.sensors:
            self._warn_flat(loaded['infrared'], paths['infrared'])
        # Before what one camera does not see is taken from the other.
        ranges = {} if replaced else float_ranges(dict(img=loaded['visible'], infrared=loaded['infrared']))
        shift = (0, 0)
        if len(loaded) == 2:
            loaded['visible'], loaded['infrared'], shift = self._in_one_frame(**loaded, paths=paths, replaced=replaced)
        if replaced:
            given = 'infrared' if replaced == 'visible' else 'visible'
            stand_in = self._in_range(loaded[given], given, replaced)
            loaded = {given: loaded[given], replaced: stand_in}
            loaded = dict(visible=to_colour(loaded['visible']), infrared=to_grey(loaded['infrared']))
        size = loaded['visible'].shape[:2]
        return dict(img=loaded['visible'], infrared=loaded['infrared'], img_path=paths['visible'],
                    infrared_path=paths['infrared'], img_id=0, img_shape=size, ori_shape=size,
                    **(dict(replaced=replaced) if replaced else dict(float_range=ranges)),
                    **(dict(shift=shift) if any(shift) else {}))

    def _models_alone(self, given: Mapping[str, nn.Module | str | Path] | None,
                      options: Mapping[str, Any]) -> dict[str, FusionInferencer]:
        """Return what takes the place of this inferencer, by the sensor that is left."""
        record = weights_records().get(self.source['model']) if self.missing == 'fallback' else None
        bundled = record.alone if record and not self.source['config'] else {}
        models = bundled if given is None else given
        if given and isinstance(given, Mapping):
            models = {**bundled, **given}
        if (not isinstance(models, Mapping) or not set(models) <= set(self.sensors)
                or not all(isinstance(model, (nn.Module, str, Path)) for model in models.values())
                or models and self.missing == 'error'):
            raise InputError(f'{type(self).__name__} got alone={given!r} and missing={self.missing!r}: alone is a '
                             "model by sensor, such as dict(visible='FILE.pth'), for missing='fallback'.")
        found = {sensor: self._model_alone(model, options) for sensor, model in models.items()}
        for sensor, other in found.items():
            self._check_alone(sensor, other)
        if found:
            self.source['alone'] = {sensor: other.source['model'] for sensor, other in found.items()}
        return found

    def _model_alone(self, model: nn.Module | str | Path, options: Mapping[str, Any]) -> FusionInferencer:
        if isinstance(model, ExportedModel) or not isinstance(model, nn.Module) and Path(model).suffix == '.onnx':
            options = {}  # a graph runs as it was exported
        else:
            options = dict(options, device=next((str(weight.device) for weight in self.model.parameters()), None))
        with warnings.catch_warnings():  # that it looks at one sensor alone is meant; of amp this one has warned
            warnings.filterwarnings('ignore', message='.* looks at .* alone|amp: ')
            return FusionInferencer(model, score_thr=self.score_thr, **options)

    def _check_alone(self, sensor: str, other: FusionInferencer) -> None:
        """Raise an InputError where a model for one sensor finds something else, or reads its image otherwise."""
        kinds = [(each.has_task, each.segments, list((each.dataset_meta or {}).get('classes') or ()) * each.has_task)
                 for each in (self, other)]
        names = f'The model of {sensor} alone, {other.source["model"]},', self.source['model']
        if kinds[0] != kinds[1]:
            raise InputError(f'{names[0]} looks for {_said(kinds[1])}, {names[1]} for {_said(kinds[0])}.')
        depths = [getattr(each.model.data_preprocessor, 'bit_depth', {}).get(sensor) for each in (self, other)]
        scales = [each.thermal if sensor == 'infrared' else None for each in (self, other)]
        if depths[0] != depths[1] or scales[1] and str(scales[0]) != str(scales[1]):
            raise InputError(f'{names[0]} takes {sensor} images of bit_depth={depths[1]} and thermal={scales[1]}, '
                             f'{names[1]} of bit_depth={depths[0]} and thermal={scales[0]}: train both on the same.')

    def _run(self, read: Sequence[dict[str, Any]]) -> list[Result]:
        """Return the results of what was read, where one sensor is left alone those of its own model."""
        results: list[Result] = []
        for other, group in groupby(read, lambda each: self.alone.get(_LEFT.get(each.get('replaced')))):
            batch = list(group)
            if other is None:
                results += super()._run(batch)
                continue
            other.score_thr = self.score_thr
            parts = [[each] for each in batch] if isinstance(other.model, ExportedModel) else [batch]
            results += [result for part in parts for result in other._run(part)]
        return results

    def reset(self) -> None:
        """Begin a new sequence of pairs."""
        self._frozen = FrozenWatch()
        self._aligner = PairAligner(self.align) if self.align else None

    def _in_one_frame(self, visible: np.ndarray, infrared: np.ndarray, paths: dict[str, str], replaced: str | None
                      ) -> tuple[np.ndarray, np.ndarray, tuple[int, int]]:
        """Return the two images in one frame, and the shift of one of them by ``align``, in pixels.

        Also where one will be replaced: the size of the result stays.
        """
        aligner = None if replaced else self._aligner
        if self.homography:
            if not replaced and not aligner:
                self._watch_drift(visible, infrared)
            return self._by_homography(visible, infrared, aligner)
        if replaced and self.resize is None:
            return visible, infrared, (0, 0)
        if visible.shape[:2] != infrared.shape[:2] and self.resize is None:
            (height, width), (height2, width2) = visible.shape[:2], infrared.shape[:2]
            raise InputError(f'The images of a pair differ in size: {paths["visible"]} is {width} x {height}, '
                             f'{paths["infrared"]} is {width2} x {height2} (width x height). {_SIZES}')
        images = dict(zip(('visible', 'infrared'), match_sizes(visible, infrared, self.resize), strict=True))
        if not aligner:
            return *images.values(), (0, 0)
        moved = 'infrared' if aligner.reference == 'visible' else 'visible'
        return aligner(**images, fill=self._in_range(images[aligner.reference], aligner.reference, moved))

    def _by_homography(self, visible: np.ndarray, infrared: np.ndarray, aligner: PairAligner | None
                       ) -> tuple[np.ndarray, np.ndarray, tuple[int, int]]:
        """Return both images in the visible frame, and the shift that was taken away beyond the homography."""
        # The shift is looked for before what infrared does not see is taken from the visible image.
        offset = aligner.offset(visible, self.homography.view(infrared, visible.shape[:2])) if aligner else np.zeros(2)
        (x, y), unseen = in_pixels(offset, visible), self._in_range(visible, 'visible', 'infrared')
        if not aligner or aligner.reference == 'visible':
            return visible, self.homography.moved(offset)(unseen, infrared), (x, y)
        infrared = self.homography(unseen, infrared)
        return shifted(visible, -x, -y, self._in_range(infrared, 'infrared', 'visible')), infrared, (-x, -y)

    def _in_range(self, image: np.ndarray, given: str, sensor: str) -> np.ndarray:
        """Return the image of a sensor in the range that another one's has by ``bit_depth`` of the preprocessor."""
        depths = getattr(self.model.data_preprocessor, 'bit_depth', {})
        if given not in depths and sensor not in depths:
            return image
        full, wanted = (2 ** depths[name] - 1 if name in depths else otherwise
                        for name, otherwise in ((given, largest_value(image)), (sensor, 65535)))
        return np.rint(image * (wanted / full)).clip(0, wanted).astype(np.uint16)

    def _watch_drift(self, visible: np.ndarray, infrared: np.ndarray) -> None:
        """Warn where the pairs of late do not fit the homography."""
        offset = None if self.drifted else self.homography.offset(visible, infrared)  # once is enough
        if offset is None:
            return
        self.offsets.append(offset)
        middle = np.median(self.offsets, 0)
        agree = np.linalg.norm(np.array(self.offsets) - middle, axis=1) < DRIFT
        apart = np.linalg.norm(middle)
        # In the dark the edges of a pair fit anywhere, and those of the next pair elsewhere.
        self.drifted = len(agree) == self.offsets.maxlen and apart > DRIFT and agree.mean() > 0.5
        if self.drifted:
            warnings.warn(f'The edges of the last {len(agree)} pairs lie {apart * visible.shape[1]:.0f} pixels apart: '
                          'a camera may have been moved. Estimate the homography again: '
                          'tools/analysis_tools/estimate_homography.py.', stacklevel=6)

    def _warn_flat(self, infrared: np.ndarray, path: str) -> None:
        """Warn once where an infrared image of 8 bit is nearly flat; of 16 bit the preprocessor says so."""
        depths = getattr(self.model.data_preprocessor, 'bit_depth', {})
        if self.flat or infrared.dtype != np.uint8 or 'infrared' in depths:
            return
        low, high = int(infrared.min()), int(infrared.max())
        if high - low >= LEAST_SHARE * 255:
            return
        self.flat = True
        warnings.warn(f'The infrared image {path} holds {low} to {high}, {(high - low) / 255:.1%} of the range to 255: '
                      'it is nearly flat. thermal=dict(limits=(LOW, HIGH)), of the tool --thermal-range LOW HIGH, '
                      'brings it to that range.', stacklevel=5)

    def _load_both(self, named: dict[str, Image | None],
                   paths: dict[str, str]) -> tuple[dict[str, np.ndarray], str | None]:
        """Return the images that there are by sensor, and the sensor whose image is to be replaced, or None."""
        files, loaded, reasons = {}, {}, {}
        for sensor, image in named.items():
            try:
                files[sensor] = self._load(sensor, image, paths[sensor])
                loaded[sensor] = self._scaled(sensor, files[sensor], paths[sensor])
            except ImageError as error:
                if self.missing == 'error':
                    raise
                reasons[sensor] = str(error)
        if self.missing == 'fallback':
            reasons.update({sensor: f'{paths[sensor]} is of one value.' for sensor, image in loaded.items()
                            if image.min() == image.max()})
        if len(reasons) == 2:
            raise ImageError(' '.join(['Neither image of the pair can be used.', *(reasons[name] for name in named)]))
        if self.missing == 'fallback' and not reasons:
            depths = getattr(self.model.data_preprocessor, 'bit_depth', {})
            stands = self._frozen(files)
            failed = failed_sensor(loaded, {sensor: 2 ** bits - 1 for sensor, bits in depths.items()})
            return loaded, failed or stands
        return loaded, next(iter(reasons), None)

    def _load(self, sensor: str, image: Image | None, path: str) -> np.ndarray:
        """Return the image of a sensor, H x W x 3 or H x W; raise an ImageError where there is none."""
        if image is None:
            raise ImageError(f'There is {path}.')
        if not isinstance(image, np.ndarray):
            image = read_visible(path) if sensor == 'visible' else read_infrared(path)
        image = checked_array(image, path)
        return to_colour(image) if sensor == 'visible' else to_grey(image)

    def _scaled(self, sensor: str, image: np.ndarray, path: str) -> np.ndarray:
        """Return the image of a sensor as the model takes it: of an infrared one by ``thermal``."""
        if not self.thermal or sensor != 'infrared':
            return image
        scaled = self.thermal(image)
        if scaled.min() == scaled.max() and image.min() < image.max():
            raise ImageError(f'{path} holds {image.min():g} to {image.max():g}, and {self.thermal} makes one value of '
                             'it: give limits in the unit of the file.')
        return scaled

    def images_of(self, pair: Pair) -> Sequence[str | None]:
        return pair.visible, pair.infrared

    def check(self, pairs: Sequence[Pair], folder: Path) -> None:
        """Also read the headers: both images of a pair are of one size, unless the pipeline resizes them."""
        super().check(pairs, folder)
        if self.resize is not None or self.homography:
            return
        cases = []
        for pair in pairs:
            if None in self.images_of(pair):
                continue
            try:
                (h, w), (h2, w2) = image_size(pair.visible), image_size(pair.infrared)
            except ImageError:  # named when its turn comes: it costs no other
                continue
            if (h, w) != (h2, w2):
                cases.append(f'{pair.visible} is {w} x {h}, {pair.infrared} is {w2} x {h2}')
        if cases:
            shown = '\n'.join(f'  {case}' for case in cases[:5])
            raise InputError(f'{len(cases)} of {len(pairs)} pairs have images of two sizes (width x height):\n'
                             f'{shown}\n{_SIZES}')


def _said(kind: tuple[bool, bool, list[str]]) -> str:
    """Return what a model looks for: whether it has a task, whether it segments, and its classes."""
    has_task, segments, classes = kind
    found = f'{"maps" if segments else "boxes"} of {", ".join(classes) or "classes without names"}'
    return found if has_task else 'nothing'


def _slide(task: nn.Module | None, tile: int) -> None:
    """Let a segmentor of mmseg that takes an image as a whole take it in parts."""
    config = getattr(task, 'test_cfg', None) or {}
    if config.get('mode') == 'whole':
        task.test_cfg = ConfigDict(config, mode='slide', crop_size=(tile, tile), stride=(tile - OVERLAP,) * 2)


def _as_homography(given: Homography | Sequence | str | Path | None, stored: Sequence | None) -> Homography | None:
    """Return the homography that is given, or else that of the model's test data."""
    if isinstance(given, (str, Path)):
        return Homography.load(given)
    if given is None:
        given = stored
    return given if given is None or isinstance(given, Homography) else Homography(given)
