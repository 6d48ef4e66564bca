"""What is warm stays bright: fusion guided by a detector must not turn people dark, however well it then detects."""
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope

from mmfusenas.models.losses import FusionLoss
from mmfusenas.registry import DATASETS, MODELS
from mmfusenas.scenes.synthetic_scenes import SyntheticScenes
from mmfusenas.utils.safe_loading import use_safe_loading


def contrast(image: np.ndarray, box: np.ndarray, inside: np.ndarray) -> float:
    """Mean of an object less the mean of what surrounds it within twice its box."""
    x1, y1, x2, y2 = box
    width, height = x2 - x1, y2 - y1
    rows = slice(max(int(y1 - height / 2), 0), int(y2 + height / 2) + 1)
    columns = slice(max(int(x1 - width / 2), 0), int(x2 + width / 2) + 1)
    around = ~inside[rows, columns]
    return float(image[rows, columns][~around].mean() - image[rows, columns][around].mean())


def warm_people(model, scenes: SyntheticScenes) -> list[tuple[float, float]]:
    """Return the infrared and the fused contrast of every person that is warmer than its surroundings."""
    found = []
    for index in range(len(scenes)):
        scene = scenes.scene(index)
        inputs = dict(visible=torch.from_numpy(scene.visible).permute(2, 0, 1)[None] / 255,
                      infrared=torch.from_numpy(scene.infrared)[None, None] / 255)
        with torch.no_grad():
            fused = model.scene.images(inputs)['image'][0].mean(0).numpy() * 255
        for number, (box, label) in enumerate(zip(scene.boxes, scene.labels)):
            inside = scene.instance_map == number + 1
            warmth = contrast(scene.infrared.astype(float), box, inside)
            if label == 3 and warmth > 20:
                found.append((warmth, contrast(fused, box, inside)))
    return found


def test_the_fusion_loss_tells_bright_from_dark():
    # A warm person in the dark; the same edges with the sign turned round cost more.
    visible = torch.full((1, 1, 32, 32), 0.05)
    infrared = torch.full((1, 1, 32, 32), 0.3)
    infrared[..., 10:24, 12:20] = 0.9
    bright, dark = infrared, 0.6 - (infrared - 0.3)
    loss = FusionLoss()
    assert sum(loss(bright, visible, infrared).values()) < sum(loss(dark, visible, infrared).values())


@pytest.mark.slow
def test_warm_people_are_bright_after_task_guided_training(root):
    pytest.importorskip('mmdet')
    init_default_scope('mmfusenas')
    torch.manual_seed(0)
    np.random.seed(0)  # of the flips
    cfg = Config.fromfile(root / 'configs/tim/retinanet_ivif.py')
    cfg.model.task.backbone = dict(type='ResNet', depth=18, base_channels=8, out_indices=(1, 2, 3))
    cfg.train_dataloader.dataset.update(length=120, size=(64, 80))
    model, dataset = MODELS.build(cfg.model), DATASETS.build(cfg.train_dataloader.dataset)
    use_safe_loading()  # which knows mmfusenas://
    model.scene.init_weights()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for step in range(60):
        batch = pseudo_collate([dataset[(4 * step + i) % 120] for i in range(4)])
        loss = model.parse_losses(model(**model.data_preprocessor(batch, True), mode='loss'))[0]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    people = warm_people(model.eval(), SyntheticScenes(length=30, size=(64, 80), seed=2, conditions=['night']))
    assert len(people) > 20
    assert np.mean([fused > 0 for _, fused in people]) > 0.95
    assert np.mean([fused for _, fused in people]) > 0.2 * np.mean([warmth for warmth, _ in people])
