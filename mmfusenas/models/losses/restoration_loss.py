"""The searched loss of the Hadamard restoration."""
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import torch.nn.functional as F
from torch import Tensor, nn

from mmfusenas.core.errors import InputError
from mmfusenas.models.losses.lpips import LPIPS
from mmfusenas.models.losses.restoration_terms import TERMS_OF
from mmfusenas.models.losses.vgg_distances import VGGDistances, vgg_layers
from mmfusenas.models.utils.precision import in_full_precision
from mmfusenas.nas import Choice, Genotype, GenotypeSource, LossWeights, Searchable
from mmfusenas.registry import MODELS

TERMS = ('l1', 'l2', 'angle', 'ssim', 'vgg', 'lpips', 'tv', 'laplacian')
"""The terms of the paper's loss space, in its order."""

VGG_OF = dict(plain=dict(depth=16), published=dict(depth=19, before_relu=True))
"""Whose features are compared, by the form of the loss."""

FILES = {form: dict(vgg=vgg, lpips='alexnet-owt-7be5be79.pth') for form, vgg in (
    ('plain', 'vgg16-397923af.pth'), ('published', 'vgg19-dcbb9e9d.pth'))}
"""Names of torchvision's files."""

SEARCHED_SSIM = 10
"""By what the published form multiplies 1 - SSIM in a search."""


@MODELS.register_module()
class RestorationLoss(Searchable, nn.Module):
    r"""The loss :math:`\sum_i \lambda_i \ell_i` of an image to its reference (Zhu et al., IJCAI 2022).

    The weights, none of them negative, are a :class:`LossWeights`, and the layer of each of four groups of VGG's whose
    features are compared is a :class:`Choice`: both are searched by a :class:`BilevelSearchHook`, or given by a
    genotype. All terms are means over pixels and channels. Of the form ``'plain'`` they compare with the reference
    where they can; of the form ``'published'`` they are those that the published weights were found for, by the
    authors' program:

    ============= ============================================= ========================================
    term          plain                                         published
    ============= ============================================= ========================================
    ``l1``        absolute differences                          the same
    ``l2``        squared differences                           the same
    ``angle``     angle between the two colours of a pixel, in  the same in degrees, times 0.1
                  radians
    ``ssim``      1 - SSIM, of each channel                     the same; times 10 in a search
    ``vgg``       squared differences of VGG16's features       absolute ones of VGG19's; layers before
                  after a ReLU, one layer a group, summed       their ReLU are candidates too
    ``lpips``     :class:`LPIPS`, version 0.1 with AlexNet      the same
    ``tv``        absolute differences of the image's           their squares, times 2
                  neighbours, across and down, summed
    ``laplacian`` absolute differences of the Laplacians        square of the image's own Laplacian
    ============= ============================================= ========================================

    In a search means: as long as the weights are not given by a genotype, so also while the architecture is searched
    by the weights that were found.

    Args:
        genotype: None leaves weights and layers to a search; a published name (``'hadamard-lol-loss'``,
            ``'hadamard-mit-loss'``, ``'hadamard-underwater-loss'``), a file, a dict such as
            ``dict(weights=dict(weights=dict(l1=1.0, ssim=1.0)))``, or a Genotype decides them. The published ones
            mean what they meant where ``form='published'``.
        terms: Terms to weigh, in any order. Defaults to those that need no file: all but 'vgg' and 'lpips'.
        vgg: File of torchvision's VGG weights for 'vgg': ``vgg16-397923af.pth``, of the published form
            ``vgg19-dcbb9e9d.pth``.
        lpips: File of torchvision's AlexNet weights, ``alexnet-owt-7be5be79.pth``, for 'lpips'.
        form: ``'plain'`` or ``'published'``: what the terms are. Defaults to 'plain'.
        total: Sum that the weights keep in a search, as of :class:`LossWeights`; a genotype's weights are what they
            are. Defaults to None: each is free.

    Shape:
        image, reference: N x 3 x H x W, RGB in [0, 1]; result: dict of scalars, a weighted term each.

    Raises:
        ValueError: If a term or the form is unknown, a term lacks its file, a file has no term, or the genotype is of
            other terms; on first use, if a file holds the weights of another network.
        FileNotFoundError: On first use, if there is no such file.

    Example:
        >>> loss = RestorationLoss(dict(weights=dict(weights=dict(l1=1.0, ssim=0.5))), terms=('l1', 'ssim'))
        >>> sorted(loss(*torch.rand(2, 1, 3, 61, 83)))
        ['loss_l1', 'loss_ssim']
    """

    def __init__(self, genotype: GenotypeSource | None = None,
                 terms: Sequence[str] = ('l1', 'l2', 'angle', 'ssim', 'tv', 'laplacian'),
                 vgg: str | None = None, lpips: str | None = None, form: str = 'plain',
                 total: float | None = None) -> None:
        super().__init__()
        self.files = dict(vgg=vgg, lpips=lpips)
        _check(terms, self.files, form)
        self.form = form
        self.weights = LossWeights([term for term in TERMS if term in terms], total=total)
        # Read when they are first asked: a trained model is rebuilt without the files of its loss.
        self.features: dict[str, VGGDistances | LPIPS] = {}
        self.layers = nn.ModuleList(Choice({layer: Pick(i) for i, layer in enumerate(group)}) for group in
                                    (vgg_layers(**VGG_OF[form]) if 'vgg' in terms else ()))
        if genotype is not None:
            genotype = Genotype.load(genotype)
            _check_weights(genotype, self.weights.terms)
        self.specialize(genotype)

    @in_full_precision  # means over differences of neighbours, and networks that were trained in it
    def forward(self, image: Tensor, reference: Tensor) -> dict[str, Tensor]:
        terms = {name: self._term(name, image, reference) for name in self.weights.used}
        return {f'loss_{name}': value for name, value in self.weights(terms).items()}

    def _term(self, name: str, image: Tensor, reference: Tensor) -> Tensor:
        if name == 'vgg':
            return self._vgg(image, reference)
        if name == 'lpips':
            return self._feature('lpips', LPIPS)(image, reference).mean()
        value = TERMS_OF[self.form][name](image, reference)
        searched = self.form == 'published' and isinstance(self.weights, LossWeights)
        return SEARCHED_SSIM * value if searched and name == 'ssim' else value

    def _vgg(self, image: Tensor, reference: Tensor) -> Tensor:
        distance = dict(plain=F.mse_loss, published=F.l1_loss)[self.form]
        groups = self._feature('vgg', partial(VGGDistances, **VGG_OF[self.form], distance=distance))(image, reference)
        return sum(layer(*distances) for layer, distances in zip(self.layers, groups, strict=True))

    def _feature(self, term: str, kind: Callable) -> VGGDistances | LPIPS:
        if term not in self.features:
            self.features[term] = kind(self.files[term])
        return self.features[term]


def _check(terms: Sequence[str], files: Mapping[str, str | None], form: str) -> None:
    """Raise where a term or the form is unknown, a term lacks its file, or a file has no term."""
    if form not in TERMS_OF:
        raise InputError(f'RestorationLoss got form={form!r}; it knows {list(TERMS_OF)}.')
    unknown = [term for term in terms if term not in TERMS]
    missing = [term for term in files if term in terms and not files[term]]
    idle = [term for term in files if term not in terms and files[term]]
    if unknown:
        raise InputError(f'RestorationLoss got terms={list(terms)}; it knows {list(TERMS)}.')
    if missing:
        raise InputError(f'RestorationLoss got terms={list(terms)}; {missing} need files of weights: give '
                         f'{" and ".join(f"{term}=FILE" for term in missing)} of torchvision '
                         f'({", ".join(FILES[form][term] for term in missing)}), or leave the terms out.')
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
