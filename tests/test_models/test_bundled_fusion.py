"""What the bundled fusion network makes: warm people stay bright, both sensors are there, no dark border."""
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from mmfusenas.apis import load_model
from mmfusenas.datasets import MSRSDataset
from mmfusenas.datasets.images import read_infrared, to_grey
from mmfusenas.evaluation.functional import target_contrast
from mmfusenas.scenes import SyntheticScenes

BORDER, MIRRORED = 8, 40


@pytest.fixture(scope='module')
def network():
    return load_model('tim-light')


@torch.no_grad()
def fuse(network, visible, infrared):
    """Fuse two images H x W in 0-255, to H x W in 0-255."""
    pair = (torch.from_numpy(np.asarray(image, np.float32))[None, None] / 255 for image in (visible, infrared))
    return network.fuse(*pair).clamp(0, 1)[0, 0].double() * 255


def border_difference(network, fused, visible, infrared):
    """Mean difference of the border to the same pixels where the pair goes on beyond it, mirrored."""
    larger = fuse(network, *(np.pad(image, MIRRORED, mode='reflect') for image in (visible, infrared)))
    inner = larger[MIRRORED:-MIRRORED, MIRRORED:-MIRRORED]
    at_border = F.pad(torch.zeros(fused.shape[0] - 2 * BORDER, fused.shape[1] - 2 * BORDER), (BORDER, ) * 4, value=1.0)
    return (fused - inner).abs()[at_border > 0].mean().item()


def correlation(first, second):
    return np.corrcoef(np.ravel(first), np.ravel(second))[0, 1]


def test_of_built_in_scenes(network):
    scenes, people, borders, with_sources = SyntheticScenes(length=16, size=(128, 160), seed=4), [], [], []
    for index in range(len(scenes)):
        scene = scenes.scene(index)
        visible = to_grey(scene.visible)
        fused = fuse(network, visible, scene.infrared)
        warm = [scenes.metainfo['classes'][label] == 'person' for label in scene.labels]
        boxes = torch.as_tensor(np.asarray(scene.boxes, float).reshape(-1, 4))[torch.tensor(warm, dtype=torch.bool)]
        seen = target_contrast(torch.from_numpy(np.asarray(scene.infrared, float)), boxes) > 20
        people += target_contrast(fused, boxes)[seen].tolist()
        borders.append(border_difference(network, fused, visible, scene.infrared))
        # What one sensor has as light the other often has as dark here: infrared alone has -0.23 with the visible one.
        with_sources.append([correlation(fused, visible) - correlation(scene.infrared, visible),
                             correlation(fused, scene.infrared)])
    assert len(people) > 10 and np.mean([contrast < 0 for contrast in people]) <= 0.05
    assert np.mean(borders) <= 2
    visible, infrared = np.mean(with_sources, 0)
    assert visible > 0.2 and infrared > 0.4


@pytest.mark.slow
def test_of_msrs(network, shared):
    dataset = MSRSDataset(data_root=str(shared / 'data/msrs'), data_prefix=dict(
        img='test/vi', infrared='test/ir', ann='test/labels'), test_mode=True)
    people, borders, with_sources = dict(D=[], N=[]), [], []
    for index in range(len(dataset)):
        info = dataset.get_data_info(index)
        visible, infrared = (to_grey(read_infrared(info[name])) for name in ('img_path', 'infrared_path'))
        fused = fuse(network, visible, infrared)
        boxes = torch.tensor([one['bbox'] for one in info['instances'] if one['bbox_label'] == 0]).reshape(-1, 4)
        kind = info['img_path'].rpartition('.')[0][-1]
        people[kind] += target_contrast(fused, boxes).tolist()
        borders.append(border_difference(network, fused, visible, infrared))
        with_sources.append([correlation(fused, visible), correlation(fused, infrared)])
    assert {kind: len(found) for kind, found in people.items()} == dict(D=35, N=48)
    darker = {kind: np.mean([contrast < 0 for contrast in found]) for kind, found in people.items()}
    assert darker['D'] <= 0.05 and darker['N'] <= 0.09  # by night 4 of 48
    assert np.mean(borders) <= 2
    visible, infrared = np.mean(with_sources, 0)
    assert visible >= 0.7 and infrared >= 0.4
