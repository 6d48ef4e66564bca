"""The upper loss of the loss search."""
from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmfusenas.core.errors import FileError, InputError
from mmfusenas.models.classifiers.quality_classifier import GOOD
from mmfusenas.registry import MODELS
from mmfusenas.utils.checkpoint import load_checkpoint


@MODELS.register_module()
class QualityLoss(nn.Module):
    """Cross-entropy of a frozen quality classifier towards 'good': no reference is needed (Zhu et al., IJCAI 2022).

    An upper loss of :class:`BilevelSearchHook`, which is called with what ``model.images`` gives, and the inputs.

    Args:
        checkpoint: Checkpoint of a :class:`QualityClassifier`, which ``configs/hadamard/quality.py`` trains.
        classifier: Its config. Defaults to ``dict(type='QualityClassifier')``.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It holds other weights.

    Example:
        >>> torch.save(MODELS.build(dict(type='QualityClassifier')).state_dict(), 'quality.pth')  # a training writes it
        >>> QualityLoss('quality.pth')(dict(image=torch.rand(2, 3, 61, 83)), {})['loss_quality'].shape
        torch.Size([])
    """

    def __init__(self, checkpoint: str, classifier: dict | None = None) -> None:
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

    def forward(self, images: dict[str, Tensor], inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        logits = self.classifier.logits(images['image'])
        good = torch.full((len(logits),), GOOD, device=logits.device)
        return dict(loss_quality=F.cross_entropy(logits, good))
