"""The searched loss of the Hadamard restoration."""
from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmfusenas.core.errors import InputError
from mmfusenas.models.losses.lpips import LPIPS
from mmfusenas.models.losses.ssim import ssim
from mmfusenas.models.losses.vgg_distances import LAYERS, VGGDistances
from mmfusenas.models.utils.precision import in_full_precision
from mmfusenas.nas import Choice, Genotype, GenotypeSource, LossWeights, Searchable
from mmfusenas.registry import MODELS

TERMS = ('l1', 'l2', 'angle', 'ssim', 'vgg', 'lpips', 'tv', 'laplacian')
"""The terms of the paper's loss space, in its order."""


@MODELS.register_module()
class RestorationLoss(Searchable, nn.Module):
    r"""The loss :math:`\sum_i \lambda_i \ell_i` of an image to its reference (Zhu et al., IJCAI 2022).

    The weights, none of them negative, are a :class:`LossWeights`, and the layer of each of four groups of VGG's whose
    features are compared is a :class:`Choice`: both are searched by a :class:`BilevelSearchHook`, or given by a
    genotype. All terms are means over pixels and channels:

    - ``l1``, ``l2``: absolute and squared differences;
    - ``angle``: angle between the two colours of a pixel, in radians;
    - ``ssim``: 1 - SSIM, of each channel;
    - ``vgg``: squared differences of VGG16's features, one layer a group, summed over the groups;
    - ``lpips``: :class:`LPIPS`, version 0.1 with AlexNet;
    - ``tv``: total variation of the image alone;
    - ``laplacian``: absolute differences of the Laplacians.

    Args:
        genotype: None leaves weights and layers to a search; a published name (``'hadamard-lol-loss'``,
            ``'hadamard-mit-loss'``, ``'hadamard-underwater-loss'``), a file, a dict such as
            ``dict(weights=dict(weights=dict(l1=1.0, ssim=1.0)))``, or a Genotype decides them.
        terms: Terms to weigh, in any order. Defaults to those that need no file: all but 'vgg' and 'lpips'.
        vgg: File of torchvision's VGG16 weights, ``vgg16-397923af.pth``, for 'vgg'.
        lpips: File of torchvision's AlexNet weights, ``alexnet-owt-7be5be79.pth``, for 'lpips'.

    Shape:
        image, reference: N x 3 x H x W, RGB in [0, 1]; result: dict of scalars, a weighted term each.

    Raises:
        ValueError: If a term is unknown or lacks its file, a file has no term, or the genotype is of other terms.
        FileNotFoundError: On first use, if there is no such file.

    Example:
        >>> loss = RestorationLoss(dict(weights=dict(weights=dict(l1=1.0, ssim=0.5))), terms=('l1', 'ssim'))
        >>> sorted(loss(*torch.rand(2, 1, 3, 61, 83)))
        ['loss_l1', 'loss_ssim']
    """

    def __init__(self, genotype: GenotypeSource | None = None,
                 terms: Sequence[str] = ('l1', 'l2', 'angle', 'ssim', 'tv', 'laplacian'),
                 vgg: str | None = None, lpips: str | None = None) -> None:
        super().__init__()
        self.files = dict(vgg=vgg, lpips=lpips)
        _check(terms, self.files)
        self.weights = LossWeights([term for term in TERMS if term in terms])
        # Read when they are first asked: a trained model is rebuilt without the files of its loss.
        self.features: dict[str, VGGDistances | LPIPS] = {}
        self.layers = nn.ModuleList(Choice({layer: Pick(i) for i, layer in enumerate(group)}) for group in
                                    (LAYERS if 'vgg' in terms else ()))
        if genotype is not None:
            genotype = Genotype.load(genotype)
            _check_weights(genotype, self.weights.terms)
        self.specialize(genotype)

    @in_full_precision  # means over differences of neighbours, and networks that were trained in it
    def forward(self, image: Tensor, reference: Tensor) -> dict[str, Tensor]:
        terms = {name: getattr(self, f'_{name}')(image, reference) for name in self.weights.used}
        return {f'loss_{name}': value for name, value in self.weights(terms).items()}

    def _l1(self, image: Tensor, reference: Tensor) -> Tensor:
        return F.l1_loss(image, reference)

    def _l2(self, image: Tensor, reference: Tensor) -> Tensor:
        return F.mse_loss(image, reference)

    def _angle(self, image: Tensor, reference: Tensor) -> Tensor:
        return colour_angle(image, reference).mean()

    def _ssim(self, image: Tensor, reference: Tensor) -> Tensor:
        return 1 - ssim(image.flatten(0, 1)[:, None], reference.flatten(0, 1)[:, None]).mean()

    def _vgg(self, image: Tensor, reference: Tensor) -> Tensor:
        groups = self._feature('vgg', VGGDistances)(image, reference)
        return sum(layer(*distances) for layer, distances in zip(self.layers, groups, strict=True))

    def _lpips(self, image: Tensor, reference: Tensor) -> Tensor:
        return self._feature('lpips', LPIPS)(image, reference).mean()

    def _tv(self, image: Tensor, reference: Tensor) -> Tensor:
        return image.diff(dim=-1).abs().mean() + image.diff(dim=-2).abs().mean()

    def _laplacian(self, image: Tensor, reference: Tensor) -> Tensor:
        return laplacian(image - reference).abs().mean()

    def _feature(self, term: str, kind: type) -> VGGDistances | LPIPS:
        if term not in self.features:
            self.features[term] = kind(self.files[term])
        return self.features[term]


def _check(terms: Sequence[str], files: Mapping[str, str | None]) -> None:
    """Raise where a term is unknown or lacks its file, or a file has no term."""
    unknown = [term for term in terms if term not in TERMS]
    missing = [term for term in files if term in terms and not files[term]]
    idle = [term for term in files if term not in terms and files[term]]
    if unknown:
        raise InputError(f'RestorationLoss got terms={list(terms)}; it knows {list(TERMS)}.')
    if missing:
        raise InputError(f'RestorationLoss got terms={list(terms)}; {missing} need files of weights: give '
                         f'{" and ".join(f"{term}=FILE" for term in missing)}, or leave the terms out.')
    if idle:
        raise InputError(f'RestorationLoss got files for {idle}, and terms={list(terms)} without them: name them there '
                         'too.')


def _check_weights(genotype: Genotype, terms: Sequence[str]) -> None:
    """Raise where a genotype weighs other terms than the loss has."""
    given = list(genotype.weights.get('weights', terms))  # of another space: that is said later
    if set(given) != set(terms):
        files = [term for term in ('vgg', 'lpips') if term in given and term not in terms]
        raise InputError(
            f'RestorationLoss got a genotype with weights of {given}, and terms={list(terms)}. Set terms={given}'
            + ''.join(f', {term}=FILE' for term in files) + ', or give weights of these terms alone.')


class Pick(nn.Module):
    """Return one of several inputs: a candidate among values that are there already."""

    def __init__(self, index: int) -> None:
        super().__init__()
        self.index = index

    def forward(self, *inputs: Tensor) -> Tensor:
        return inputs[self.index]


def colour_angle(image: Tensor, reference: Tensor, epsilon: float = 1e-6) -> Tensor:
    """Return the angle between the colours of two images at every pixel, in radians, 0 to pi.

    By the tangent, whose gradient is finite where the colours are parallel, unlike the arc cosine's.

    Shape:
        N x 3 x H x W twice, to N x H x W.

    Example:
        >>> red, green = torch.tensor([1., 0, 0]).view(1, 3, 1, 1), torch.tensor([0, 1., 0]).view(1, 3, 1, 1)
        >>> float(colour_angle(red, green)) * 2
        3.1415...
    """
    cross = torch.linalg.cross(image, reference, dim=1).square().sum(1)
    # Black has no colour: both parts are 0 there, and so is the angle.
    return torch.atan2((cross + epsilon**2).sqrt() - epsilon, (image * reference).sum(1) + epsilon)


def laplacian(x: Tensor) -> Tensor:
    """Return the Laplacian of every channel, of the four neighbours; the border reflects.

    Shape:
        N x C x H x W to the same.
    """
    padded = F.pad(x, (1, 1, 1, 1), mode='reflect')
    across = padded[..., 1:-1, 2:] + padded[..., 1:-1, :-2]
    return across + padded[..., 2:, 1:-1] + padded[..., :-2, 1:-1] - 4 * x
