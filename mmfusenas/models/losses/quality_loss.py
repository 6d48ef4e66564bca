"""The upper loss of the loss search."""
from __future__ import annotations

import torch
import torch.nn.functional as F
from mmengine.registry import OPTIMIZERS
from torch import Tensor, nn

from mmfusenas.core.errors import FileError, InputError
from mmfusenas.models.classifiers.quality_classifier import GOOD, SMOOTHING, degraded
from mmfusenas.models.restorers.restoration import get_reference
from mmfusenas.models.scene.base_scene import losses_of_sizes
from mmfusenas.nas.hypergrad.base import differentiable
from mmfusenas.nas.hypergrad.vectors import average
from mmfusenas.registry import MODELS
from mmfusenas.utils.checkpoint import load_checkpoint


@MODELS.register_module()
class QualityLoss(nn.Module):
    """Cross-entropy of a quality classifier towards 'good': no reference is needed there (Zhu et al., IJCAI 2022).

    An upper loss of :class:`BilevelSearchHook`, which is called with what ``model.images`` gives, and the inputs. As
    published the classifier is frozen. It has never seen what the supernet makes, and after a few hundred steps its
    gradient says little of how those images would become better. With an ``optimizer`` it goes on learning: the hook
    calls :meth:`learn` before each of its steps, with what the network makes of the training batch now.

    Args:
        checkpoint: Checkpoint of a :class:`QualityClassifier`, which ``configs/hadamard/quality.py`` trains.
        classifier: Its config. Defaults to ``dict(type='QualityClassifier')``.
        optimizer: Config of the optimizer of a classifier that goes on learning, ``dict(type='Adam', lr=1e-3)``.
            Defaults to None: it is frozen.
        steps: Steps that it takes on each batch it learns from. Defaults to 1.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It holds other weights, or ``steps`` is below 1, or above without an optimizer.

    Example:
        >>> torch.save(MODELS.build(dict(type='QualityClassifier')).state_dict(), 'quality.pth')  # a training writes it
        >>> QualityLoss('quality.pth')(dict(image=torch.rand(2, 3, 61, 83)), {})['loss_quality'].shape
        torch.Size([])
    """

    def __init__(self, checkpoint: str, classifier: dict | None = None, optimizer: dict | None = None,
                 steps: int = 1) -> None:
        super().__init__()
        self.classifier = MODELS.build(classifier or dict(type='QualityClassifier'))
        try:
            content = load_checkpoint(checkpoint)
        except FileNotFoundError as error:
            raise FileError(f'{error} First train the classifier, configs/hadamard/quality.py, into '
                            'that folder (--work-dir).') from error
        try:
            self.classifier.load_state_dict(content.get('state_dict', content))
        except RuntimeError as error:
            raise InputError(f'{checkpoint} holds no weights of {type(self.classifier).__name__}: '
                             f'{str(error).splitlines()[1].strip()} Train configs/hadamard/quality.py and '
                             'give its checkpoint.') from error
        self.eval()
        if steps < 1 or (steps > 1 and not optimizer):
            raise InputError(f'QualityLoss got steps={steps} and optimizer={optimizer}; it takes at least one step, '
                             'and needs an optimizer to take them.')
        self.steps = steps
        self.optimizer = optimizer and OPTIMIZERS.build(dict(optimizer, params=list(self.classifier.parameters())))

    def forward(self, images: dict[str, Tensor], inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        logits = self.classifier.logits(images['image'])
        good = torch.full((len(logits),), GOOD, device=logits.device)
        return dict(loss_quality=F.cross_entropy(logits, good))

    def learn(self, images: dict[str, Tensor], inputs: dict[str, Tensor], data_samples: list | None = None) -> Tensor:
        """Take steps of the classifier on what the network makes of training images, which have references.

        What it makes is poor, its reference good, and what lies between the two on a line is good by the share of the
        reference in it: from every image of the network the way to its reference leads upwards. References
        :func:`degraded` by hand stay among the poor ones. Every step draws other shares and other degradations.

        Args:
            images: What ``model.images`` gave; ``image`` N x 3 x H x W.
            inputs: The inputs, with ``reference``, of the same shape.
            data_samples: They say which part of each is padding.

        Returns:
            The loss before the first step, a scalar.

        Raises:
            KeyError: There are no references.
        """
        return [self._step(images, inputs, data_samples) for _ in range(self.steps)][0]

    def _step(self, images: dict[str, Tensor], inputs: dict[str, Tensor], data_samples: list | None) -> Tensor:
        weights = list(self.classifier.parameters())
        with torch.enable_grad(), differentiable(weights):
            loss = losses_of_sizes(self._grading, images, inputs, data_samples)['loss_grading']
            grads = torch.autograd.grad(loss, weights)
        for weight, grad in zip(weights, average(grads, weights), strict=True):
            weight.grad = grad
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return loss.detach()

    def _grading(self, images: dict[str, Tensor], inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        image, reference = images['image'].detach(), get_reference(inputs, 'QualityLoss')
        share = torch.rand(len(image), 1, 1, 1, device=image.device)
        graded = torch.cat([image, image + share * (reference - image), reference, degraded(reference)])
        good = torch.cat([torch.zeros_like(share), share, torch.ones_like(share), torch.zeros_like(share)]).flatten()
        good = SMOOTHING / 2 + (1 - SMOOTHING) * good
        labels = torch.stack([1 - good, good], 1)  # in the order of POOR and GOOD
        return dict(loss_grading=F.cross_entropy(self.classifier.logits(graded), labels))

    def get_extra_state(self) -> dict:
        """Return the state of the optimizer, which a resumed search needs."""
        return self.optimizer.state_dict() if self.optimizer else {}

    def set_extra_state(self, state: dict) -> None:
        """Put back the state of the optimizer."""
        if self.optimizer and state:
            self.optimizer.load_state_dict(state)
