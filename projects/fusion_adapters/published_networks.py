"""Published networks as fusion methods, each from a clone of its authors' repository.

The authors' code is run. Their weights are data, which run nothing. Each class does with a pair what the authors'
script does, on the GPU where torch sees one.
"""
from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import torch
from mmengine.device import get_device
from torch import Tensor, nn

from mmfusenas.core.errors import InputError, MissingPackageError
from mmfusenas.utils.checkpoint import extract_weights, load_checkpoint, misfits


class SeAFusion:
    """SeAFusion (Tang, Yuan and Ma, Information Fusion 2022) as ``test.py`` of its repository runs it.

    The network takes the luma Y of the visible image and the infrared image, both in [0, 1], and gives a luma. The
    script makes RGB of it with the visible image's Cr and Cb and clips it to [0, 1]. It then takes the least value of
    the whole image to 0 and the largest one to 1, all channels alike, and cuts 255 times that to whole numbers. Of
    several images in a batch (``--batch_size``; 1 without it) it takes the least and the largest value of all.

    Args:
        clone: Folder of the clone.
    """

    def __init__(self, clone: str) -> None:
        source = Clone(clone, 'https://github.com/Linfeng-Tang/SeAFusion')
        weights = source.file('model/Fusion/fusionmodel_final.pth')
        net = source.module('FusionNet.py', 'FusionNet').FusionNet(output=1)
        self.net = filled(net, load_checkpoint(weights), weights)

    @torch.inference_mode()
    def __call__(self, visible: np.ndarray, infrared: np.ndarray) -> np.ndarray:
        """Return the fused image, uint8 H x W x 3 (BGR), of a visible one H x W x 3 (BGR) and an infrared one H x W."""
        blue, green, red = unit(visible).split(1, dim=1)
        luma = 0.299 * red + 0.587 * green + 0.114 * blue
        cr, cb = 0.713 * (red - luma), 0.564 * (blue - luma)
        fused = self.net(luma, unit(infrared))
        bgr = torch.cat([fused + 1.773 * cb, fused - 0.344 * cb - 0.714 * cr, fused + 1.403 * cr], 1)
        return (255 * stretched(bgr.clamp(0, 1)))[0].permute(1, 2, 0).byte().contiguous().cpu().numpy()


class CDDFuse:
    """CDDFuse (Zhao and others, CVPR 2023) as ``test_IVF.py`` of its repository runs it.

    An encoder takes the luma of the visible image, rounded to whole numbers of 255, and the infrared image, each in
    [0, 1]. A decoder takes the fused base and detail features of both and the luma. The script takes the least value of
    the fused image to 0 and the largest one to 1, and rounds 255 times that. The code needs einops and timm.

    Args:
        clone: Folder of the clone.
    """

    def __init__(self, clone: str) -> None:
        source = Clone(clone, 'https://github.com/Zhaozixiang1228/MMIF-CDDFuse')
        file = source.file('models/CDDFuse_IVF.pth')
        code = source.module('net.py', 'Restormer_Encoder', 'Restormer_Decoder', 'BaseFeatureExtraction',
                             'DetailFeatureExtraction')
        parts = load_checkpoint(file)
        self.encoder, self.decoder, self.base, self.detail = (
            filled(net, parts.get(name), f'{name} of {file}') for name, net in dict(
                DIDF_Encoder=code.Restormer_Encoder(), DIDF_Decoder=code.Restormer_Decoder(),
                BaseFuseLayer=code.BaseFeatureExtraction(dim=64, num_heads=8),
                DetailFuseLayer=code.DetailFeatureExtraction(num_layers=1)).items())

    @torch.inference_mode()
    def __call__(self, visible: np.ndarray, infrared: np.ndarray) -> np.ndarray:
        """Return the fused luma, uint8 H x W, of a visible image H x W x 3 (BGR) and an infrared one H x W."""
        luma = unit(np.round(cv2.cvtColor(visible.astype(np.float32), cv2.COLOR_BGR2GRAY)))
        base, detail, _ = self.encoder(luma)
        infrared_base, infrared_detail, _ = self.encoder(unit(infrared))
        fused, _ = self.decoder(luma, self.base(base + infrared_base), self.detail(detail + infrared_detail))
        return (255 * stretched(fused))[0, 0].round().byte().cpu().numpy()


class TarDAL:
    """TarDAL (Liu and others, CVPR 2022) as ``infer.py --cfg config/official/infer/tardal-dt.yaml`` of it fuses.

    The generator takes the infrared image and the luma Y of the visible image, both in [0, 1], and gives a luma in
    [-1, 1]. With ``grayscale: true`` in that config the script writes 255 times it, rounded, and what is below 0 as 0.
    It does not scale by the image's own values. Where the images of a folder differ in size, the script enlarges all
    to the largest height and width; here each pair keeps its size.

    Args:
        clone: Folder of the clone, with ``tardal-dt.pth`` of its release 1.0.0 in ``weights/v1``.
    """

    def __init__(self, clone: str) -> None:
        source = Clone(clone, 'https://github.com/JinyuanLiu-CV/TarDAL')
        file = source.file('weights/v1/tardal-dt.pth', ' and put that file of its release v1.0.0 there')
        content = load_checkpoint(file)
        weights = content.get('fuse', content)
        use_eval = weights.pop('use_eval', True)  # where a file says False, its images are normalised as in training
        net = source.module('module/fuse/generator.py', 'Generator').Generator(dim=32, depth=3)
        self.net = filled(net, weights, file).train(not use_eval)

    @torch.inference_mode()
    def __call__(self, visible: np.ndarray, infrared: np.ndarray) -> np.ndarray:
        """Return the fused luma, uint8 H x W, of a visible image H x W x 3 (BGR) and an infrared one H x W."""
        blue, green, red = unit(visible).split(1, dim=1)
        fused = self.net(unit(infrared), 0.299 * red + 0.587 * green + 0.114 * blue)
        return (255 * fused)[0, 0].round().clamp(0, 255).byte().cpu().numpy()


class Clone:
    """The folder of a clone of a repository.

    Args:
        folder: Path.
        address: Of the repository, for the messages.
    """

    def __init__(self, folder: str, address: str) -> None:
        self.folder, self.address = Path(folder).expanduser().resolve(), address

    def file(self, name: str, more: str = '') -> Path:
        """Return a file's path.

        Args:
            name: From the folder on.
            more: What else to do where it is missing, for the message.

        Raises:
            InputError: There is no such folder or file.
        """
        found = 'has no ' + name if self.folder.is_dir() else 'is no folder'
        if not (self.folder / name).is_file():
            raise InputError(f'{self.folder} {found}: make a clone with git clone {self.address}{more}, and give its '
                             'folder behind the class.')
        return self.folder / name

    def module(self, name: str, *classes: str) -> ModuleType:
        """Run a Python file of the clone and return it as a module.

        It can import others of the clone. These are forgotten afterwards: another clone may have files of their names.

        Args:
            name: Of the file, from the folder on.
            classes: What it has to have.

        Raises:
            InputError: There is no such file, or a class is missing in it.
            MissingPackageError: It imports a package that is not installed.
        """
        file = self.file(name)
        spec = spec_from_file_location(f'clone_{re.sub("[^0-9A-Za-z]", "_", str(file))}', file)
        module, before = module_from_spec(spec), set(sys.modules)
        sys.path.insert(0, str(self.folder))
        try:
            spec.loader.exec_module(module)
        except ImportError as error:
            raise MissingPackageError(f'{file} does not import ({error}). Install what it needs; requirements.txt or '
                                      f'the README of {self.address} lists it.') from error
        finally:
            for key in set(sys.modules) - before:
                if self.folder in places(sys.modules[key]):
                    del sys.modules[key]
            sys.path.remove(str(self.folder))
        missing = [key for key in classes if not hasattr(module, key)]
        if missing:
            raise InputError(f'{file} has no {", ".join(missing)}: take the file as {self.address} has it.')
        return module


def places(module: ModuleType) -> list[Path]:
    """Return all folders above a module's file, or above those of a package without one."""
    paths = [module.__file__] if getattr(module, '__file__', None) else getattr(module, '__path__', [])
    return [folder for path in paths for folder in Path(path).resolve().parents]


def filled(net: nn.Module, content: Mapping | None, source: str | Path) -> nn.Module:
    """Return a network with weights, for use.

    Args:
        net: Network.
        content: Of the file, or a part of it.
        source: Where it is from, for the message.

    Raises:
        InputError: It holds no weights, or those of another network.
    """
    weights = extract_weights(content, source)
    found = misfits(weights, net.state_dict())
    if found:
        raise InputError(f'The weights of {source} do not fit {type(net).__name__}: {found}. Take the code and the '
                         'weights of one clone.')
    net.load_state_dict(weights)
    return net.eval().to(get_device())


def unit(image: np.ndarray) -> Tensor:
    """Return an image of 0 to 255, H x W x 3 or H x W, as a tensor 1 x 3 x H x W or 1 x 1 x H x W in [0, 1]."""
    values = torch.from_numpy(np.ascontiguousarray(image)).to(get_device()).float() / 255
    return values.permute(2, 0, 1)[None] if values.ndim == 3 else values[None, None]


def stretched(image: Tensor) -> Tensor:
    """Return an image whose least value is 0 and whose largest is 1; of equal values, all 0."""
    least, largest = image.aminmax()
    return (image - least) / (largest - least).clamp(min=torch.finfo(image.dtype).tiny)
