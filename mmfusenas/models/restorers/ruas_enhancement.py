"""RUAS for low-light enhancement: the scene module, then noise removal where there is noise."""
from __future__ import annotations

import torch
from torch import Tensor

from mmfusenas.core.errors import InputError
from mmfusenas.models.restorers.known_noise import add_known_noise
from mmfusenas.models.restorers.restoration import get_reference
from mmfusenas.models.scene.base_scene import BaseScene
from mmfusenas.models.stages import Stages
from mmfusenas.registry import MODELS

DENOISE = ('adaptive', 'always', 'never')


@MODELS.register_module()
class RUASEnhancement(Stages, BaseScene):
    """Low-light enhancement (RUAS section 5.1): u = Psi_s(y), then x = Psi_r(u) where Psi_e finds noise in u.

    The decision is per image. In training, ``stage`` says what learns: ``'scene'`` the scene module by its own loss;
    ``'task'`` noise removal and noise estimation on the images of a frozen scene module; ``'joint'`` all, with the
    scene's loss weighed by ``eta``; ``'separate'`` all, each part by its own loss.
    Noise removal learns from every image, noisy or not; with ``known_noise`` it learns to take noise of a known
    strength away again, because dark images may have little of their own.

    Args:
        scene: Config of the scene module Psi_s, a :class:`RUASScene`.
        task: Config of the noise removal Psi_r, a :class:`NoiseRemoval`.
        estimation: Config of the noise estimation Psi_e, a :class:`NoiseEstimation`; needed for 'adaptive'. Defaults
            to None.
        denoise: ``'adaptive'`` removes noise where its level reaches ``threshold`` (RUAS_A), ``'always'`` from every
            image (RUAS), ``'never'`` from none (RUAS_s). Defaults to 'adaptive'.
        threshold: Noise level epsilon, in units of the [0, 1] image. Defaults to 0.035, of the published models.
        known_noise: Whether noise removal trains on images with added noise, which are the reference of ``loss``
            (:func:`add_known_noise`): True on the brightened images u, smoothed; ``'reference'`` on the references of
            the data, so that noise removal learns nothing of what is brightened. Defaults to False.
        eta: Weight of the scene's loss in the joint stage. Defaults to 1.0.
        loss: Config of the loss of noise removal, a :class:`DenoisingLoss`.
        data_preprocessor, init_cfg: As in :class:`BaseScene`.

    Shape:
        ``visible`` N x 3 x H x W, BGR in [0, 1]; ``image`` the same, ``brightened`` u, ``noise_level`` N numbers
        (with ``'adaptive'``).

    Raises:
        ValueError: If ``denoise`` is another word, or it is 'adaptive' without ``estimation``; if ``known_noise`` has
            a loss that does not look at its reference.

    Example:
        >>> model = MODELS.build(dict(
        ...     type='RUASEnhancement', scene=dict(type='RUASScene', genotype='ruas-scene'),
        ...     task=dict(type='NoiseRemoval', genotype='ruas-denoise'), estimation=dict(type='NoiseEstimation')))
        >>> sum(p.numel() for p in model.parameters())
        36653
    """

    sensors = ('visible',)

    def __init__(self, scene: dict, task: dict, estimation: dict | None = None, denoise: str = 'adaptive',
                 threshold: float = 0.035, known_noise: bool | str = False, eta: float = 1.0,
                 loss: dict | None = None, data_preprocessor: dict | None = None, init_cfg: dict | None = None) -> None:
        super().__init__(loss, data_preprocessor, init_cfg)
        self.scene = MODELS.build(scene)
        self.task = MODELS.build(task)
        self.estimation = MODELS.build(estimation) if estimation else None
        if known_noise not in (False, True, 'reference'):
            raise InputError(f"RUASEnhancement got known_noise={known_noise!r}; it is True, False or 'reference'.")
        if known_noise and not getattr(self.loss, 'supervised', True):
            raise InputError(f"RUASEnhancement(known_noise={known_noise!r}) learns from a clean reference: give "
                             "loss=dict(type='DenoisingLoss', supervised=True).")
        self.denoise, self.threshold, self.known_noise, self.eta = denoise, threshold, known_noise, eta

    @property
    def denoise(self) -> str:
        """Where noise is removed: ``'adaptive'``, ``'always'`` or ``'never'``."""
        return self._denoise

    @denoise.setter
    def denoise(self, where: str) -> None:
        if where not in DENOISE or (where == 'adaptive' and self.estimation is None):
            raise InputError(f"RUASEnhancement got denoise={where!r}; it knows {DENOISE}, and 'adaptive' needs "
                             "estimation=dict(type='NoiseEstimation').")
        self._denoise = where

    @property
    def needs_whole_images(self) -> bool:
        """Whether the scene module does."""
        return self.scene.needs_whole_images

    def images(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        brightened = self.scene_images(inputs)
        images = dict(brightened, brightened=self.task_image(brightened['image']))
        u = images['brightened'].flip(1)
        if self.stage == 'scene':  # the rest has not learned anything yet, so validations do without it too
            return images
        if self.training and self.known_noise:
            of_reference = self.known_noise == 'reference'
            source = get_reference(inputs, type(self).__name__).flip(1) if of_reference else u
            noisy, clean, _ = add_known_noise(source, smooth=not of_reference)
            images.update(noisy=noisy.flip(1), clean=clean.flip(1))
            return dict(images, image=self.task(noisy).flip(1))
        if self.training:
            return dict(images, image=self.task(u).flip(1))
        if self.denoise == 'adaptive':
            images['noise_level'] = self.estimation.level(u)
            return dict(images, image=self._where_noisy(u, images['noise_level'] >= self.threshold).flip(1))
        return dict(images, image=self.task(u).flip(1)) if self.denoise == 'always' else images

    def losses(self, images: dict[str, Tensor], inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        losses = {}
        if self.stage != 'scene':
            if self.loss is not None:
                noisy, clean = images.get('noisy', images['brightened']), images.get('clean', inputs.get('reference'))
                own = dict(brightened=(images['brightened'], inputs['reference'])) if 'reference' in inputs else {}
                losses.update(self.loss(images['image'], noisy, clean, **own))
            if self.estimation is not None:
                losses.update(self.estimation.loss(images['brightened'].flip(1)))
        return dict(losses, **self.scene_losses(images, inputs))

    def predict(self, images: dict[str, Tensor], data_samples: list) -> list:
        """Return the samples with ``pred_img`` and, where it was estimated, ``noise_level`` and ``denoised``."""
        for sample, level in zip(data_samples, images.get('noise_level', ())):
            sample.noise_level, sample.denoised = float(level), bool(level >= self.threshold)
        # The authors cut the decimals off when they write an image; their figures are of such images.
        return super().predict(dict(images, image=(images['image'] * 255).floor() / 255), data_samples)

    def _where_noisy(self, u: Tensor, noisy: Tensor) -> Tensor:
        if torch.onnx.is_in_onnx_export():  # a graph has no branches
            return torch.where(noisy[:, None, None, None], self.task(u), u)
        if not noisy.any():
            return u
        if noisy.all():
            return self.task(u)
        x = u.clone()
        x[noisy] = self.task(u[noisy])
        return x
