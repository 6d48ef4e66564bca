"""Images in tiles: equal to the whole where the overlap covers what a pixel depends on."""
import pytest
import torch
from mmengine.structures import BaseDataElement
from torch import nn

from mmfusenas.models.scene import FixedFusion, TIMFusion
from mmfusenas.models.scene.tiles import OVERLAP, in_tiles


@pytest.mark.parametrize('size', [(40, 50), (256, 257), (300, 512), (700, 385)])
@pytest.mark.parametrize('kernel', [1, 63])
def test_what_looks_at_its_neighbourhood_is_the_whole(size, kernel):
    """A convolution of 63 pixels looks at 31 on each side, the most that the overlap covers."""
    torch.manual_seed(0)
    rows, columns = (nn.Conv2d(2, 2, shape, padding='same', groups=2, dtype=torch.float64)
                     for shape in ((kernel, 1), (1, kernel)))
    image = torch.rand(2, 2, *size, dtype=torch.float64)

    def images(inputs):
        return dict(image=columns(rows(inputs['visible'])))

    with torch.no_grad():
        whole, parts = images(dict(visible=image)), in_tiles(images, dict(visible=image), tile=256)
    torch.testing.assert_close(parts['image'], whole['image'], atol=1e-6, rtol=0)  # the weights are float32


def test_what_looks_further_is_blended_without_a_seam():
    """The mean of a part differs from part to part: the step is spread over a quarter of the overlap."""
    image = torch.linspace(0, 1, 600).expand(1, 1, 300, 600)
    parts = in_tiles(lambda inputs: dict(image=inputs['visible'].mean().expand(1, 1, *inputs['visible'].shape[2:])),
                     dict(visible=image), tile=256)['image']
    change = parts.diff(dim=3).abs().amax()
    assert 0 < change <= 1.05 * (256 - OVERLAP) / 600 / (OVERLAP // 4)


def test_tiles_bound_what_a_network_is_given():
    seen = []
    in_tiles(lambda inputs: seen.append(inputs['visible'].shape[2:]) or dict(image=inputs['visible']),
             dict(visible=torch.rand(1, 1, 600, 1000)), tile=256)
    assert len(seen) == 4 * 7 and set(seen) == {(256, 256)}


def test_a_prediction_is_made_of_tiles():
    torch.manual_seed(0)
    net = TIMFusion(genotype='tim-light', channels=4).eval()
    inputs = dict(visible=torch.rand(1, 3, 300, 280), infrared=torch.rand(1, 1, 300, 280))
    sample = [BaseDataElement(metainfo=dict(img_shape=(300, 280)))]
    with torch.no_grad():
        expected = in_tiles(net.images, inputs, 256)['image']
        net.tile = 256
        made, = net(inputs, sample, mode='predict')
    assert (made.pred_img == (expected[0] * 255).round().clamp(0, 255).permute(1, 2, 0).byte().numpy()).all()


def test_wrong_tiles_are_named():
    inputs = dict(visible=torch.rand(1, 3, 300, 280), infrared=torch.rand(1, 1, 300, 280))
    with pytest.raises(ValueError, match='at least 256 pixels a side.*got 255'):
        in_tiles(FixedFusion('average').images, inputs, 255)
    with pytest.raises(ValueError, match=r'its level is \(1,\) for a tile of \(256, 256\)'):
        in_tiles(lambda inputs: dict(level=torch.zeros(1)), inputs, 256)
