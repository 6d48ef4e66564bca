"""From packed images and pairs to a batch in [0, 1]."""
from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from itertools import repeat

import torch
import torch.nn.functional as F
from mmengine.model import BaseDataPreprocessor, stack_batch
from mmengine.structures import BaseDataElement

from mmfusenas.core.errors import InputError
from mmfusenas.registry import MODELS

# Largest number of each depth; floating point images hold 0-255, as everywhere in OpenMMLab.
_FULL_SCALE = {torch.uint8: 255.0, torch.uint16: 65535.0}
_FLOAT_SCALE = 255.0
_SENSOR = dict(aligned='infrared')  # an input that is an image of another one's sensor
LEAST_SHARE = 0.2
"""Of its range that an infrared image, or any of 16 bit, fills; below it is nearly flat, as of fewer bits."""
_FIELD = 'flow'  # displacements in pixels, no image: kept as it is


@MODELS.register_module()
class PairDataPreprocessor(BaseDataPreprocessor):
    """Scale the images of a batch to [0, 1] by their depth, pad to the largest and stack.

    What a sample holds is what it was packed with: ``visible`` always, ``infrared`` of a pair, ``reference`` where
    there is a clean image to compare with. A list of 3 x H x W tensors, as mmdet's and mmseg's own packing gives
    it, counts as ``visible``: stock data sets and pipelines serve in front of a system of one sensor.

    uint8 is divided by 255 and uint16 by 65535, unless ``bit_depth`` says that the files hold fewer bits. Floating
    point images, as photometric transforms leave them, count as 0-255 (or the range of ``bit_depth``) and are
    clamped; a file of floating point has to lie in that range. Where an image of 16 bit fills less than a fifth of its
    range, or of that of ``bit_depth``, as raw counts do, there is one warning a sensor. Images are padded with 0 on the
    right and at the bottom, only up to the largest of the batch: the data samples' ``img_shape`` crops each one back.

    Args:
        bit_depth: Bits that the files of a sensor really hold, such as ``dict(infrared=14)``; others go by dtype.
        non_blocking: Whether the copy to the device may run beside the computation.

    Returns:
        ``inputs``: ``visible`` N x 3 x H x W and, where there are any, ``infrared`` and ``aligned`` N x 1 x H x W and
        ``reference`` N x 3 x H x W, float32 in [0, 1], ``flow`` N x 2 x H x W in pixels, ``noise`` N x 1 x H x W
        in units of the image and ``kernel`` N x 1 x K x K, smaller ones with zeros around; ``data_samples`` as they
        came, or None.

    Raises:
        ValueError: NaN or infinity in an image, values beyond its bits or of unknown depth, or images of a sample
            that differ in size; each names the file.

    Example:
        >>> pair = dict(visible=[torch.full((3, 4, 6), 255, dtype=torch.uint8)],
        ...             infrared=[torch.full((1, 4, 6), 16383).to(torch.uint16)])
        >>> batch = PairDataPreprocessor(bit_depth=dict(infrared=14))(dict(inputs=pair))['inputs']
        >>> batch['visible'].shape, batch['infrared'].max().item()
        (torch.Size([1, 3, 4, 6]), 1.0)
    """

    def __init__(self, bit_depth: dict[str, int] | None = None, non_blocking: bool = False) -> None:
        super().__init__(non_blocking)
        self.bit_depth = dict(bit_depth or {})
        self._warned: set[str] = set()

    def forward(self, data: dict, training: bool = False) -> dict:
        """Make a batch of what the data loader hands over (lists of tensors, or tensors already stacked)."""
        if not isinstance(data['inputs'], Mapping):
            data = dict(data, inputs=dict(visible=data['inputs']))
        inputs, samples = dict(data['inputs']), data.get('data_samples')
        kernels = inputs.pop('kernel', None)  # no images
        data = dict(data, inputs=inputs)
        unknown = set(self.bit_depth) - set(data['inputs']) - {'reference'}  # which some sets of a config lack
        if unknown:
            raise InputError(f'bit_depth names {sorted(unknown)}; the inputs are {sorted(data["inputs"])}.')
        self._check_pairs(data['inputs'], samples)
        for name, images in data['inputs'].items():
            for index, image in enumerate(images):
                self._check_values(name, image, _file(samples, index, name))
                if samples:
                    self._check_file_range(name, samples[index])
        data = self.cast_data(data)
        samples = data.get('data_samples')
        inputs = {
            name: stack_batch([self._scale(name, image, sample)
                               for image, sample in zip(images, samples or repeat(None))])
            for name, images in data['inputs'].items()
        }
        if kernels is not None:
            largest = max(kernel.shape[-1] for kernel in kernels)
            inputs['kernel'] = self.cast_data(stack_batch([_padded(kernel, largest) for kernel in kernels]))
        return dict(data, inputs=inputs, data_samples=samples)

    def _full_scale(self, name: str, dtype: torch.dtype) -> float:
        name = _SENSOR.get(name, name)
        if name in self.bit_depth:
            return float(2 ** self.bit_depth[name] - 1)
        return _FULL_SCALE.get(dtype, _FLOAT_SCALE)

    def _scale(self, name: str, image: torch.Tensor, sample: BaseDataElement | None) -> torch.Tensor:
        """Return an image in its range, of a sample that may say more of it."""
        if name == _FIELD:
            return image.float()
        scaled = image.float() / self._full_scale(name, image.dtype)
        return scaled.clamp_(0, 1) if image.is_floating_point() else scaled

    def _check_values(self, name: str, image: torch.Tensor, file: str) -> None:
        """Refuse what would poison the training; whole numbers of full depth need no look."""
        full = self._full_scale(name, image.dtype)
        if image.is_floating_point():
            if not torch.isfinite(image).all():
                raise InputError(f'NaN or infinity in the {name} image {file}. Repair or remove the file.')
            full *= 2  # photometric transforms overshoot, and are clamped
        self._check_spread(name, image, full, file)
        if not image.is_floating_point() and _SENSOR.get(name, name) not in self.bit_depth:
            if image.dtype not in _FULL_SCALE:
                raise InputError(f'The {name} image {file} holds {image.dtype}, of unknown depth: save it as 8 or '
                                 f'16 bit, or say bit_depth=dict({name}=BITS).')
            return
        if name == _FIELD:
            return
        largest = float(image.float().max())
        if largest > full:
            raise InputError(
                f'The {name} image {file} reaches {largest:g}, more than its depth allows. Set bit_depth in '
                f'PairDataPreprocessor, such as bit_depth=dict({name}=16), to the bits that the files hold.'
            )

    def _check_spread(self, name: str, image: torch.Tensor, full: float, file: str) -> None:
        """Warn once a sensor where 16-bit files hardly differ from black: raw counts, or fewer bits."""
        if image.dtype != torch.uint16 or name in self._warned:
            return
        low, high = (int(value) for value in image.to(torch.int32).aminmax())
        if high - low < LEAST_SHARE * full:
            self._warned.add(name)
            warnings.warn(
                f'The {name} image {file} holds {low} to {high}, {(high - low) / full:.1%} of the range to {full:g}, '
                f'which is white: the image is nearly flat. Raw counts of fewer bits need bit_depth=dict({name}=BITS) '
                'in PairDataPreprocessor; those of a narrow range, thermal=dict(limits=(LOW, HIGH)) in '
                'LoadPairFromFile.', stacklevel=2)

    def _check_file_range(self, name: str, sample: BaseDataElement) -> None:
        """Refuse a file of floating point that holds another unit: it would be clamped to black or white."""
        low, high = sample.get('float_range', {}).get('img' if name in ('visible', 'guide') else name, (0, 0))
        full = self._full_scale(name, torch.float32)
        if low < 0 or high > full:
            file = sample.get(f'{name}_path') or sample.get('img_path')
            raise InputError(
                f'The {name} image {file} holds floating point from {low:g} to {high:g}; that counts as 0 to {full:g}, '
                'and the rest would be clamped. Of kelvin or degrees Celsius set thermal=dict(limits=(LOW, HIGH)) in '
                'LoadPairFromFile (infer.py: --thermal-range LOW HIGH), else bit_depth='
                f'dict({name}=BITS) in PairDataPreprocessor.')

    def _check_pairs(self, inputs: dict, samples: Sequence[BaseDataElement] | None) -> None:
        for index, images in enumerate(zip(*inputs.values(), strict=True)):
            sizes = {name: tuple(x.shape[-2:]) for name, x in zip(inputs, images)}
            if len(set(sizes.values())) > 1:
                files = ', '.join(f'{name} {_file(samples, index, name)}' for name in sizes)
                raise InputError(
                    f'The images of a sample differ in size (height, width): {sizes}; {files}. Geometric transforms '
                    'belong inside JointTransform, and files of different size need resize in LoadPairFromFile.'
                )


def _padded(kernel: torch.Tensor, side: int) -> torch.Tensor:
    return F.pad(kernel.float(), ((side - kernel.shape[-1]) // 2,) * 4)


def _file(samples: Sequence[BaseDataElement] | None, index: int, name: str) -> str:
    """Name the file of an image, as far as it is known."""
    sample = samples[index] if samples else {}
    return sample.get(f'{name}_path') or sample.get('img_path') or f'number {index} of the batch'
