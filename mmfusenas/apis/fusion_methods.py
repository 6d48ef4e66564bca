"""Fusion methods by name: rules, bundled networks, images that others fused, ONNX files, code of one's own."""
from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from traceback import extract_tb, format_exception_only, format_list
from typing import Any

import cv2
import numpy as np
import torch
from mmengine.device import get_device
from torch import Tensor, nn

from mmfusenas.apis.fusion_inferencer import FusionInferencer
from mmfusenas.apis.loading import load_model
from mmfusenas.core.errors import FileError, InputError, InputTypeError, MissingPackageError, UserError
from mmfusenas.core.names import nearest
from mmfusenas.datasets.images import read_image, to_colour
from mmfusenas.datasets.pairing import by_key, list_images
from mmfusenas.models.scene.base_scene import luma, replace_luma, to_uint8
from mmfusenas.models.scene.fixed_fusion import RULES, FixedFusion
from mmfusenas.models.task_guided import TaskGuided
from mmfusenas.utils.weights import weights_records

Fuse = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""A method: of the visible image (uint8 H x W x 3, BGR) and the infrared one (uint8 H x W) to the fused image, uint8,
H x W x 3 (BGR), or H x W where luma alone is fused."""

FORMS = 'NAME:FOLDER of fused images, NAME:FILE.onnx, NAME:CHECKPOINT.pth or NAME:FILE.py:CLASS[:WEIGHTS]'
CHECKPOINTS = ('.pth', '.pt', '.ckpt')


def fusion_method(text: str, device: str | None = None) -> tuple[str, Fuse | FusedFolder]:
    """Return a fusion method and its name.

    ============================  ==========================================================================
    text                          method
    ============================  ==========================================================================
    ``average``, ...              a rule of :class:`~mmfusenas.models.scene.FixedFusion`
    ``tim-light``, ``X.pth``      bundled weights, or a checkpoint; of a detector or segmentor the scene module
    ``NAME:FOLDER``               :class:`FusedFolder`
    ``NAME:FILE.onnx``            :class:`OnnxFusion`
    ``NAME:CHECKPOINT.pth``       a checkpoint by another name
    ``NAME:FILE.py:CLASS``        ``CLASS()`` of a Python file, which is run, and is a :data:`Fuse`
    ``NAME:FILE.py:CLASS:FILE``   ``CLASS(FILE)``, which loads its weights from there
    ============================  ==========================================================================

    Args:
        text: As above.
        device: Of rules and checkpoints. Defaults to a GPU where torch sees one.

    Raises:
        ValueError: There is no such method, or the file is none that fuses; the message lists what there is.
        FileNotFoundError: There is no such file or folder.

    Example:
        >>> name, fuse = fusion_method('average')
        >>> name, int(fuse(np.full((4, 4, 3), 90, np.uint8), np.full((4, 4), 60, np.uint8)).max())
        ('average', 75)
    """
    name, colon, rest = text.partition(':')
    if text in RULES:
        return text, network(FixedFusion(rule=text))
    if not colon:
        if text in weights_records() or Path(text).suffix in CHECKPOINTS:
            return Path(text).stem if Path(text).suffix in CHECKPOINTS else text, network(text, device)
        raise InputError(_unknown(text))
    path, *words = rest.split(':')
    if not name or not path or len(words) > 2 or (words and Path(path).suffix != '.py'):
        raise InputError(f'The method {text!r} is none of {FORMS}.')
    if not Path(path).exists():
        raise FileError(f'The method {text!r}: {path} does not exist.')
    if Path(path).is_dir():
        return name, FusedFolder(path)
    if Path(path).suffix.lower() == '.onnx':
        return name, OnnxFusion(path)
    if Path(path).suffix == '.py':
        return name, own_code(path, *words)
    if Path(path).suffix in CHECKPOINTS:
        return name, network(path, device)
    raise InputError(f'The method {text!r} is none of {FORMS}.')


def network(source: nn.Module | str | Path, device: str | None = None) -> Fuse:
    """Return the fusion of a model: a scene module, or that of a detector or segmentor, which does not run.

    Args:
        source: Model, or what :func:`~mmfusenas.apis.load_model` takes.
        device: As of :func:`fusion_method`.
    """
    model = source if isinstance(source, nn.Module) else load_model(source, device=device or get_device())
    if isinstance(model, TaskGuided):
        scene = model.scene
        scene.data_preprocessor, scene.test_pipeline = model.data_preprocessor, getattr(model, 'test_pipeline', None)
        model = scene
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', UserWarning)  # a single sensor is a row like any
        infer = FusionInferencer(model)
    return lambda visible, infrared: infer(visible, infrared)['image']


class FusedFolder:
    """Images that are fused already: a folder with a file of each visible image's stem.

    Example:
        >>> Path('fused').mkdir()
        >>> _ = cv2.imwrite('fused/1.png', np.zeros((4, 6), np.uint8))
        >>> FusedFolder('fused').read('1').shape
        (4, 6)
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = str(folder)
        self.files, _ = by_key(list_images(self.folder), str)

    def read(self, stem: str) -> np.ndarray:
        """Return the fused image of a stem, H x W x 3 (BGR) or H x W.

        Raises:
            FileNotFoundError: There is none.
            ImageError: It cannot be read.
        """
        if stem not in self.files:
            raise FileError(f'{self.folder} has no fused image of {stem!r}; it has {len(self.files)} images, such as '
                            f'{list(self.files)[:3]}.')
        return read_image(self.files[stem], cv2.IMREAD_ANYCOLOR)


class OnnxFusion:
    """An ONNX file as a fusion method, on the CPU, with as many threads as torch has.

    Inputs are float32 in [0, 1], N x C x H x W at the image's own size. The channels that the file states say what it
    takes: two inputs, the visible image (3: BGR, 1: luma) and then the infrared one (1, or 3 equal channels), or in the
    other order where they are named ``infrared`` and ``visible``; or one input of 2 channels (visible luma, infrared)
    or 4 (BGR, infrared). Its first output is the fused image in [0, 1]: BGR, or luma, which gets the visible chroma. Of
    another range, order or size, or a size that has to be a multiple of something, write a class
    (``projects/fusion_adapters``).

    Args:
        path: File, for instance of ``tools/deployment/export_onnx.py``.

    Raises:
        ImportError: onnxruntime is not installed.
        ValueError: The file is damaged, or has other inputs; called: the network fails on the size of an image, or
            gives what is no image of it.
    """

    def __init__(self, path: str | Path) -> None:
        try:
            import onnxruntime
        except ImportError as error:
            raise MissingPackageError(
                "ONNX files need onnxruntime: pip install -e '.[deploy]' in the checkout.") from error
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.log_severity_level = torch.get_num_threads(), 4
        self.path = str(path)
        try:
            self.session = onnxruntime.InferenceSession(self.path, options, providers=['CPUExecutionProvider'])
        except Exception as error:  # onnxruntime's own errors have no common base
            raise InputError(f'{path} is no ONNX file that onnxruntime runs ({error}).') from error
        self.inputs = {value.name: value.shape[1] if len(value.shape) == 4 else value.shape
                       for value in self.session.get_inputs()}
        if list(self.inputs) == ['infrared', 'visible']:
            self.inputs = {name: self.inputs[name] for name in ('visible', 'infrared')}
        channels = tuple(self.inputs.values())
        if channels not in ((2,), (4,), (1, 1), (3, 1), (1, 3), (3, 3)):
            raise InputError(f'{path} has inputs of {self.inputs} channels; a fusion takes the visible image (3: BGR, '
                             '1: luma) and the infrared one (1 or 3), or both as 2 or 4 channels of one input.')

    def __call__(self, visible: np.ndarray, infrared: np.ndarray) -> np.ndarray:
        bgr, grey = (torch.from_numpy(np.ascontiguousarray(image)).float() / 255 for image in (visible, infrared))
        bgr, grey = bgr.permute(2, 0, 1)[None].contiguous(), grey[None, None]
        (name, first), *second = self.inputs.items()
        sensor = bgr if first in (3, 4) else luma(bgr)
        if second:
            feeds = {name: sensor, second[0][0]: grey.expand(-1, second[0][1], -1, -1)}
        else:
            feeds = {name: torch.cat([sensor, grey], 1)}
        try:
            fused = self.session.run(None, {name: value.contiguous().numpy() for name, value in feeds.items()})[0]
        except Exception as error:
            height, width = grey.shape[2:]
            raise InputError(f'{self.path} fails on an image of {width} x {height} (width x height): {error}. Where '
                             'it needs other sizes, pad in a class of your own (NAME:FILE.py:CLASS).') from error
        return self._image(fused, bgr)

    def _image(self, fused: np.ndarray, bgr: Tensor) -> np.ndarray:
        if fused.ndim != 4 or fused.shape[1] not in (1, 3) or fused.shape[2:] != bgr.shape[2:]:
            raise InputError(f'{self.path} gives {fused.shape} for an image of {tuple(bgr.shape)}; it should be as '
                             'high and wide, of 1 or 3 channels.')
        if not np.isfinite(fused).all():
            raise InputError(f'{self.path} gives values that are not finite.')
        fused = torch.from_numpy(fused).float()
        image = fused if fused.shape[1] == 3 else replace_luma(bgr, fused, luma(bgr))
        return to_uint8(image)[0].permute(1, 2, 0).contiguous().numpy()


def own_code(path: str | Path, name: str = '', *weights: str) -> Fuse:
    """Return ``name(*weights)`` of a Python file, which is run: code that a person names on a command line.

    Raises:
        ValueError: The file has no such class; the message lists its classes. Or the code fails, in the file, in
            ``name(*weights)`` or when it is called; the message has its lines.
        TypeError: What the class makes cannot be called.
    """
    spec = spec_from_file_location(f'fusion_method_{Path(path).stem}', path)
    module = sys.modules[spec.name] = module_from_spec(spec)
    with own_errors(f'{path} cannot be run', path):
        spec.loader.exec_module(module)
    classes = [key for key, value in vars(module).items()
               if isinstance(value, type) and value.__module__ == spec.name]
    made: Any = getattr(module, name, None) if name else None
    if made is None:
        raise InputError(f'{path} has no {name!r}{nearest(name, classes)}: give one of its classes as '
                         f'NAME:{path}:CLASS. It has {", ".join(classes) or "none"}.')
    with own_errors(f'{name}({", ".join(map(repr, weights))}) of {path} fails', path):
        method = made(*weights)
    if not callable(method):
        raise InputTypeError(f'{name} of {path} makes a {type(method).__name__}, which cannot be called with the '
                             'visible and the infrared image.')

    def fuse(visible: np.ndarray, infrared: np.ndarray) -> np.ndarray:
        with own_errors(f'{name} of {path} fails on a visible image of shape {visible.shape} and an infrared one of '
                        f'{infrared.shape}, both uint8', path):
            return method(visible, infrared)

    return fuse


@contextmanager
def own_errors(message: str, path: str | Path) -> Iterator[None]:
    """Turn an error of a person's own code into a message with the lines of the traceback from that code on.

    Raises:
        ValueError: The code raised anything but an error that is a message already.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:  # whatever the code raises
        frames = extract_tb(error.__traceback__)
        files = [frame.filename for frame in frames]
        name = str(Path(path).absolute())  # as Python has it
        own = frames[files.index(name):] if name in files else []
        lines = ''.join([*format_list(own), *format_exception_only(error)]).rstrip()
        raise InputError(f'{message}:\n{lines}') from error


def checked_image(image: Any, visible: np.ndarray, name: str) -> np.ndarray:
    """Return what a method gave, once it is known to be an image of the pair.

    Args:
        image: uint8, H x W x 3 (BGR) or H x W.
        visible: The visible image.
        name: Of the method, for the message.

    Raises:
        TypeError: It is no array of uint8.
        ValueError: It has another size.
    """
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8:
        found = f'{image.dtype} values' if isinstance(image, np.ndarray) else f'a {type(image).__name__}'
        raise InputTypeError(f'The method {name} gives {found}; a fused image is an array of uint8, 0 to 255.')
    if image.shape not in (visible.shape, visible.shape[:2]):
        raise InputError(f'The method {name} gives an image of the shape {image.shape} for one of {visible.shape}.')
    return image


def with_chroma(image: np.ndarray, visible: np.ndarray) -> np.ndarray:
    """Return a fused image H x W x 3: a fused luma H x W gets the chroma of the visible image.

    Example:
        >>> visible = np.array([[[10, 20, 30]]], np.uint8)  # of luma 21.85
        >>> with_chroma(np.array([[42]], np.uint8), visible).tolist()
        [[[30, 40, 50]]]
    """
    if image.ndim == 3:
        return to_colour(image)
    bgr, grey = (torch.from_numpy(np.ascontiguousarray(x)).float() / 255 for x in (visible, image))
    image = bgr.permute(2, 0, 1)[None]
    fused = replace_luma(image, grey[None, None], luma(image))
    return to_uint8(fused)[0].permute(1, 2, 0).contiguous().numpy()


def _unknown(text: str) -> str:
    bundled = [name for name, record in weights_records().items() if record.bundled]
    return (f'There is no fusion method {text!r}{nearest(text, [*RULES, *bundled])}. Rules: {", ".join(RULES)}. '
            f'Bundled weights: {", ".join(bundled)}. Otherwise {FORMS}.')
