"""The fusion network N_F, the published two and the supernet, and the fixed rules."""
import cv2
import numpy as np
import pytest
import torch
from mmengine.structures import BaseDataElement

from kits import reference_tim as reference
from mmfusenas.models.scene import FixedFusion, TIMFusion
from mmfusenas.models.scene.base_scene import luma

LIGHT = [('successive', ('rb_3', 'ca_3'))] * 2
FULL = [('multi_scale', ('rb_3', 'dc_3')), ('successive', ('db_3', 'dc_3'))]


def pair(height, width, dtype=torch.float64, batch=1):
    generator = torch.Generator().manual_seed(3)
    return torch.rand(2, batch, 1, height, width, dtype=dtype, generator=generator)


@pytest.mark.parametrize(('genotype', 'size'), [('tim-light', 127358), ('tim-full', 994917)])
def test_published_network_has_the_published_size(genotype, size):
    assert sum(p.numel() for p in TIMFusion(genotype=genotype).parameters()) == size


@pytest.mark.parametrize(('genotype', 'cells'), [('tim-light', LIGHT), ('tim-full', FULL)])
@pytest.mark.parametrize('size', [(61, 83), (32, 48)])
def test_published_network_has_the_values_of_the_paper(genotype, cells, size, randomise):
    net = randomise(TIMFusion(genotype=genotype))
    visible, infrared = pair(*size)
    with torch.no_grad():
        expected = reference.fusion(visible, infrared, net.state_dict(), cells)
        torch.testing.assert_close(net.fuse(visible, infrared), expected, atol=1e-10, rtol=1e-10)
        single = net.float().fuse(visible.float(), infrared.float())
    torch.testing.assert_close(single, expected.float(), atol=1e-5, rtol=1e-5)


def test_order_is_that_of_the_stem(randomise):
    net = randomise(TIMFusion(genotype='tim-light', order=('infrared', 'visible')))
    visible, infrared = pair(16, 20)
    expected = reference.fusion(infrared, visible, net.state_dict(), LIGHT)
    torch.testing.assert_close(net.fuse(visible, infrared), expected)


# A slope before the ReLU that every C_SC and C_MS starts with: what it scales is cut to zero while it is positive.
CUT = {'tim-light': ['stem.3.weight', 'cells.0.ops.1.act.weight'], 'tim-full': ['stem.3.weight']}


@pytest.mark.parametrize('genotype', ['tim-light', 'tim-full'])
def test_every_parameter_gets_a_gradient_at_an_odd_size(genotype):
    torch.manual_seed(0)
    net = TIMFusion(genotype=genotype, loss=dict(type='FusionLoss'))
    visible, infrared = pair(61, 83, torch.float32)
    inputs = dict(visible=visible.repeat(1, 3, 1, 1), infrared=infrared)
    sum(net(inputs, mode='loss').values()).backward()
    assert all(p.grad is not None for p in net.parameters())
    assert [name for name, p in net.named_parameters() if not p.grad.abs().sum() > 0] == CUT[genotype]


def inputs(height=24, width=30, batch=2):
    generator = torch.Generator().manual_seed(0)
    return dict(visible=torch.rand(batch, 3, height, width, generator=generator),
                infrared=torch.rand(batch, 1, height, width, generator=generator))


def test_image_is_the_fused_luma_with_the_visible_chroma():
    net = TIMFusion(genotype='tim-light').eval()
    data = inputs()
    with torch.no_grad():
        image = net(data)
        fused = net.fuse(luma(data['visible']), data['infrared'])
    torch.testing.assert_close(luma(image), fused)
    torch.testing.assert_close(image - fused, data['visible'] - luma(data['visible']), atol=1e-6, rtol=0)


def test_predictions_are_cropped_to_each_image():
    samples = [BaseDataElement(metainfo=dict(img_shape=shape)) for shape in [(24, 30), (20, 17)]]
    net, data = FixedFusion('visible'), inputs()
    out = net(data, samples, mode='predict')
    assert [sample.pred_img.shape for sample in out] == [(24, 30, 3), (20, 17, 3)]
    assert str(out[0].pred_img.dtype) == 'uint8'
    expected = (data['visible'][1, :, :20, :17] * 255).round().permute(1, 2, 0).numpy()
    assert (out[1].pred_img == expected).all()


@pytest.mark.parametrize(('rule', 'expected'), [
    ('visible', lambda v, i: v), ('infrared', lambda v, i: i), ('average', lambda v, i: 0.5 * v + 0.5 * i),
    ('maximum', lambda v, i: torch.where(v > i, v, i)),
])  # fmt: skip
def test_fixed_rules(rule, expected):
    data = inputs()
    image = FixedFusion(rule)(data)
    torch.testing.assert_close(luma(image), expected(luma(data['visible']), data['infrared']))
    chroma = 0 if rule == 'infrared' else data['visible'] - luma(data['visible'])
    torch.testing.assert_close(image - luma(image), torch.zeros_like(image) + chroma, atol=1e-6, rtol=0)
    with pytest.raises(ValueError, match='FixedFusion has nothing to learn by'):
        FixedFusion(rule)(data, mode='loss')


@pytest.mark.parametrize(('kwargs', 'message'), [
    (dict(order=('visible', 'thermal')), 'order'),
    (dict(cells=['succesive']), "Unknown cell 'succesive'; the nearest is 'successive'"),
    (dict(operators=['rbb_3']), "Unknown candidate operator 'rbb_3'; the nearest is 'rb'"),
])  # fmt: skip
def test_wrong_arguments_are_named(kwargs, message):
    with pytest.raises(ValueError, match=message):
        TIMFusion(channels=8, **kwargs)


def test_unknown_rule_and_mode_are_named():
    with pytest.raises(ValueError, match="rule='mean'.*average"):
        FixedFusion('mean')
    with pytest.raises(RuntimeError, match="mode 'losses'"):
        FixedFusion('average')(inputs(), mode='losses')


def pyramid_by_opencv(first, second):
    """Burt and Adelson's fusion: four levels, of each the detail of the larger size, and the mean of what is left."""
    details, pair = [], [first, second]
    for _ in range(4):
        if min(pair[0].shape) < 4:
            break
        smaller = [cv2.pyrDown(x) for x in pair]
        size = pair[0].shape[::-1]
        detail = [x - cv2.resize(y, size, interpolation=cv2.INTER_LINEAR) for x, y in zip(pair, smaller)]
        details.append(np.where(np.abs(detail[0]) >= np.abs(detail[1]), *detail))
        pair = smaller
    fused = (pair[0] + pair[1]) / 2
    for detail in reversed(details):
        fused = cv2.resize(fused, detail.shape[::-1], interpolation=cv2.INTER_LINEAR) + detail
    return fused


@pytest.mark.parametrize('size', [(37, 50), (16, 90), (3, 3)])
def test_laplacian_pyramid_is_that_of_opencv(size):
    first, second = np.random.default_rng(0).uniform(0, 1, (2, *size))
    second = cv2.GaussianBlur(second, (0, 0), 2)  # the stronger detail is now of the one, now of the other
    fused = FixedFusion(rule='laplacian').fuse(*(torch.from_numpy(x)[None, None] for x in (first, second)))
    np.testing.assert_allclose(fused[0, 0], pyramid_by_opencv(first, second), atol=1e-10)
