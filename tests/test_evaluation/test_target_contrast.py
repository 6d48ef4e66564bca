"""Objects darker than what is round them: the contrast of a box by hand, and the metric's share."""
import numpy as np
import pytest
import torch

from mmfusenas.evaluation.functional import target_contrast
from mmfusenas.evaluation.metrics import TargetContrastMetric


def test_contrast_is_inside_less_around():
    generator = torch.Generator().manual_seed(0)
    image = torch.rand(30, 40, generator=generator, dtype=torch.float64) * 255
    inside = image[10:16, 20:24]
    around = image[7:19, 18:26].sum() - inside.sum()  # half of 6 rows and of 4 columns on every side
    expected = inside.mean() - around / (12 * 8 - 6 * 4)
    assert target_contrast(image, torch.tensor([[20.0, 10.0, 24.0, 16.0]])).item() == pytest.approx(expected.item())
    corner = image[:4, :4].mean() - (image[:6, :6].sum() - image[:4, :4].sum()) / 20  # cut off by the border
    assert target_contrast(image, torch.tensor([[0.0, 0.0, 4.0, 4.0]])).item() == pytest.approx(corner.item())
    assert target_contrast(image, torch.zeros(0, 4)).shape == (0, )
    assert target_contrast(image, torch.tensor([[50.0, 50.0, 60.0, 60.0]])).isnan().all()


def sample(stem, brightness, labels):
    """A grey image with two boxes of given brightness, whose labels are given."""
    image = np.full((30, 40, 3), 100, np.uint8)
    boxes = torch.tensor([[5.0, 5.0, 9.0, 11.0], [25.0, 12.0, 29.0, 18.0]])
    for (x1, y1, x2, y2), value in zip(boxes.int().tolist(), brightness):
        image[y1:y2, x1:x2] = value
    return dict(img_path=f'/data/{stem}.png', pred_img=image, gt_instances=dict(
        bboxes=boxes, labels=torch.tensor(labels)))


@pytest.mark.parametrize(('stems', 'darker', 'contrast', 'objects'), [
    ('*', 1 / 3, (50 - 20 + 90) / 3, 3), ('*D', 0.5, 15, 2), ('*N', 0, 90, 1)])
def test_share_of_the_darker_ones(stems, darker, contrast, objects):
    metric = TargetContrastMetric(stems=stems)
    metric.dataset_meta = dict(classes=('car', 'person'))
    metric.process({}, [sample('00001D', (150, 80), [1, 1]), sample('00002N', (190, 20), [1, 0])])
    assert metric.evaluate(size=2) == {
        'person/darker': pytest.approx(darker), 'person/contrast': pytest.approx(contrast), 'person/objects': objects}


def test_what_is_not_there_is_an_error():
    metric = TargetContrastMetric(stems='*X')
    metric.dataset_meta = dict(classes=('car', 'person'))
    metric.process({}, [sample('00001D', (150, 80), [1, 1])])
    with pytest.raises(ValueError, match=r"No person .*'\*X'"):
        metric.evaluate(size=1)
    metric.dataset_meta = dict(classes=('car', ))
    with pytest.raises(ValueError, match="'person'.*classes car"):
        metric.process({}, [sample('00001D', (150, 80), [0, 0])])
