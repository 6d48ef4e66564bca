"""What an inferencer is called with: its images by place or by name, and what to say of anything else."""
from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from os import path as osp
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import torch

from mmfusenas.apis.pairs import input_images, input_pairs
from mmfusenas.core.errors import InputError, InputTypeError
from mmfusenas.core.names import nearest
from mmfusenas.datasets.pairing import Pair, is_list

Image = str | Path | np.ndarray | torch.Tensor | PIL.Image.Image

_SAVE = 'the result is written by result.save(PATH), those of many inputs by run(input_pairs(...), DIR)'
_SHOW = 'result.plot() is the image with what was found drawn in, result.save(PATH) writes it'
_ELSEWHERE = dict(
    out_dir=_SAVE, save_dir=_SAVE, out_file=_SAVE, show=_SHOW, return_vis=_SHOW, draw_pred=_SHOW,
    weights='it is checkpoint', pred_score_thr='it is score_thr, where the inferencer is made',
    score_threshold='it is score_thr')
"""Names of other libraries' inferencers, and what is here in their place."""


def options_of(inferencer: type) -> list[str]:
    """Return the names of what an inferencer takes where it is made, those of its bases too.

    Example:
        >>> from mmfusenas.apis import EnhanceInferencer
        >>> options_of(EnhanceInferencer)
        ['model', 'checkpoint', 'device', 'score_thr', 'kernel', 'denoise', 'strength']
    """
    named = (parameter for base in reversed(inferencer.__mro__) if '__init__' in vars(base) and base is not object
             for parameter in list(inspect.signature(base.__init__).parameters.values())[1:])
    several = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [parameter.name for parameter in named if parameter.kind not in several]


def refuse_unknown(caller: str, unknown: Mapping[str, Any], known: Sequence[str],
                   made_with: Sequence[str] = ()) -> None:
    """Raise an InputTypeError that lists what there is, where an argument has a name that is not known.

    Args:
        caller: What was called, for the message.
        unknown: Arguments that nothing takes; none of them is no error.
        known: Names that there are.
        made_with: Names that the inferencer takes where it is made, for a call.
    """
    for name in unknown:
        if name in made_with:
            hint = f'; give it where the inferencer is made: {caller}(..., {name}={unknown[name]!r})'
        else:
            hint = f'; {_ELSEWHERE[name]}' if name in _ELSEWHERE else nearest(name, [*known, *made_with])
        raise InputTypeError(f'{caller} got {name}=, which {"its call" if made_with else "it"} does not take{hint}. '
                             f'There are: {", ".join(known)}.')


def names_of_images(read: Callable[..., Any]) -> tuple[str, ...]:
    """Return the names that a method has for the images that it needs; () of ``read(self, *images)``."""
    parameters = inspect.signature(read).parameters.values()
    return tuple(parameter.name for parameter in parameters
                 if parameter.kind is parameter.POSITIONAL_OR_KEYWORD and parameter.default is parameter.empty)


def images_in_order(caller: str, names: Sequence[str], given: Sequence[Any], named: Mapping[str, Any], hint: str
                    ) -> tuple[Any, ...]:
    """Return the images of a call in the order of ``names``, of which some may be given by name.

    Args:
        caller: What was called, for the message.
        names: Of the images that it takes.
        given: Images by place.
        named: Images by name.
        hint: What to do in the place of giving another number of images.

    Raises:
        TypeError: An image is given twice, or there is another number of them.

    Example:
        >>> images_in_order('Fuse', ('visible', 'infrared'), ['a.png'], dict(infrared='b.png'), '')
        ('a.png', 'b.png')
    """
    images = dict(zip(names, given))
    twice = [name for name in named if name in images]
    if len(given) > len(names) or len(images | dict(named)) < len(names) or twice:
        lacking = [name for name in names if name not in images and name not in named]
        got = f'{" and ".join(twice)} twice' if twice else (
            f'no {" and no ".join(lacking)}' if lacking else f'{len(given) + len(named)} images')
        if len(given) == 1 and isinstance(given[0], (list, tuple)) and len(given[0]) == len(names):
            hint = 'One input of several images is given as infer(*images).'
        raise InputTypeError(
            f'{caller} takes {" and ".join(names)}: infer({", ".join(names)}); got {got}. {hint}'.rstrip())
    return tuple((images | dict(named))[name] for name in names)


def is_source(image: Any) -> bool:
    """Return whether an image is a folder, or a ``.txt`` list, of many."""
    return isinstance(image, (str, Path)) and (is_list(str(image)) or osp.isdir(image))  # of any length


def pairs_of(sources: Sequence[Any], names: Sequence[str], missing: str, lacking: str) -> list[Pair]:
    """Return the inputs of folders, lists or files, one a sensor, as :func:`input_pairs` gives them.

    Args:
        sources: Path, or None where a sensor has no images.
        names: What to call each in a message.
        missing: As of :func:`input_pairs`.
        lacking: What to do where a sensor has no images, for the message.

    Raises:
        TypeError: One of them is no path; and what :func:`input_pairs` and :func:`input_images` raise.
    """
    for source, name in zip(sources, names, strict=True):
        if source is None and missing == 'error':
            raise InputTypeError(f'There is no {name} image. {lacking}')
        if source is not None and not isinstance(source, (str, Path)):
            raise InputTypeError(f'What is given as {name} is a {type(source).__name__} beside a folder or a list: '
                                 'give a path of the same kind, or images one by one.')
    if len(sources) == 1:
        return input_images(*sources)
    return input_pairs(*('' if source is None else source for source in sources), missing)


def in_lists(images: Sequence[Sequence[Image]], sensors: Sequence[str]) -> list[tuple[Image, ...]]:
    """Return the inputs of lists, one a sensor."""
    lengths = [len(each) if isinstance(each, (list, tuple)) else None for each in images]
    if len(set(lengths)) > 1:
        said = ', '.join(f'{"one" if length is None else length} as {sensor}'
                         for sensor, length in zip(sensors, lengths))
        raise InputError(f'Lists of images need one image a sensor and input; got {said}.')
    return list(zip(*images, strict=True))


def image_name(image: Image, what: str) -> str:
    """Return what to call an input in a message: its path, or what kind of array it is.

    Raises:
        TypeError: It is neither.
    """
    if not isinstance(image, (str, Path, np.ndarray)):
        raise InputTypeError(
            f'What is given as {what} is a {type(image).__name__}: give a path, an array as mmcv.imread gives it, a '
            'tensor C x H x W, an image of Pillow, or a list of these.')
    return str(image) if isinstance(image, (str, Path)) else f'the {what} array'


def as_array(image: Image | None) -> str | Path | np.ndarray | None:
    """Return an image of Pillow or a tensor C x H x W as ``mmcv.imread`` would give it, and the rest as it is.

    Colours of Pillow become BGR; those of a tensor are BGR already, as everywhere in OpenMMLab.

    Example:
        >>> as_array(PIL.Image.new('RGB', (2, 1), (255, 0, 0))).tolist()
        [[[0, 0, 255], [0, 0, 255]]]
        >>> as_array(torch.zeros(3, 4, 6, dtype=torch.uint8)).shape
        (4, 6, 3)
    """
    if isinstance(image, torch.Tensor):
        image = image.detach().cpu()
        array = (image.float() if image.is_floating_point() else image).numpy()  # NumPy has no bfloat16
        return np.ascontiguousarray(array.transpose(1, 2, 0)) if array.ndim == 3 else array
    if isinstance(image, PIL.Image.Image):
        grey = image.mode in ('L', 'F') or image.mode.startswith('I')
        return np.array(image) if grey else np.array(image.convert('RGB'))[..., ::-1].copy()
    return image


def checked_pairs(caller: str, pairs: Any) -> None:
    """Raise an InputError where ``pairs`` are not what :func:`input_pairs` gives."""
    if not isinstance(pairs, Sequence) or not all(isinstance(pair, Pair) for pair in pairs):
        raise InputError(f'{caller}.run got {pairs!r:.60}: it takes what input_pairs(VISIBLE, INFRARED) or '
                         'input_images(IMAGES) gives, and the folder of the results.')
