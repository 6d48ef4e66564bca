"""Images at validations and tests, on a real Runner."""
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from mmdet.structures import DetDataSample
from mmengine.config import Config
from mmengine.runner import Runner
from mmengine.structures import InstanceData, PixelData

from mmfusenas.engine.hooks.fusion_visualization_hook import FusionVisualizationHook, panel_image
from mmfusenas.structures import FusionDataSample
from mmfusenas.visualization.panels import BAR


@pytest.fixture
def runner(tmp_path: Path) -> Callable[..., Runner]:
    """Build the Runner of a fixed fusion on built-in scenes of 48 x 64; keywords go to the hook."""

    def build(name: str, batch_size: int = 4, **hook) -> Runner:
        data = dict(
            batch_size=batch_size, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=False),
            dataset=dict(type='SyntheticScenes', length=7, size=(48, 64), pipeline=[dict(type='PackPairInputs')]))
        results = dict(type='DumpResults', out_file_path=str(tmp_path / 'results.pkl'))
        training = dict(  # what a test has no need of
            train_cfg=dict(type='ResumableEpochTrainLoop', max_epochs=1),
            optim_wrapper=dict(optimizer=dict(type='SGD')),
            train_dataloader=dict(data, dataset=dict(type='PairDataset', data_root='nowhere')))
        return Runner.from_cfg(Config(dict(
            default_scope='mmfusenas', experiment_name=f'{tmp_path.name}_{name}', work_dir=str(tmp_path / 'work'),
            model=dict(type='FixedFusion', rule='average'), custom_hooks=[dict(type='FusionVisualizationHook', **hook)],
            val_dataloader=data, val_cfg=dict(), val_evaluator=results,
            test_dataloader=data, test_cfg=dict(), test_evaluator=results,
            log_level='ERROR', **(training if name in ('test', 'few') else {}))))

    return build


def drawn(tmp_path: Path) -> dict[str, np.ndarray]:
    return {path.name: cv2.imread(str(path)) for path in sorted(tmp_path.glob('work/*/vis_data/vis_image/*.png'))}


def test_validation_draws_pairs_spread_over_the_data(runner: Callable, tmp_path: Path) -> None:
    run = runner('val', num_samples=3)
    run.val()
    images = drawn(tmp_path)
    assert list(images) == ['val_0_0.png', 'val_1_0.png', 'val_2_0.png']
    factor, dataset = 5, run.val_dataloader.dataset  # 5 * 64 is 320
    for index, image in zip([0, 3, 6], images.values()):
        assert image.shape == (BAR + 48 * factor, 3 * 64 * factor + 4, 3)
        visible = cv2.resize(dataset[index]['inputs']['visible'].permute(1, 2, 0).numpy(), (64 * factor, 48 * factor),
                             interpolation=cv2.INTER_CUBIC)
        np.testing.assert_array_equal(image[BAR:, :64 * factor], visible)


def test_test_draws_every_pair_into_the_folder(runner: Callable, tmp_path: Path) -> None:
    runner('test', test_out_dir=str(tmp_path / 'show')).test()
    assert [path.name for path in sorted((tmp_path / 'show').iterdir())] == [f'{i:06d}_visible.png' for i in range(7)]
    assert drawn(tmp_path) == {}


def test_equal_names_in_two_folders_are_two_files(tmp_path: Path) -> None:
    hook = FusionVisualizationHook(test_out_dir=str(tmp_path / 'show'))
    for path in ('a/0.png', 'b/0.png', 'c/1.png'):
        sample = FusionDataSample(metainfo=dict(img_path=path), pred_img=np.zeros((40, 60, 3), np.uint8))
        batch = dict(inputs=dict(visible=torch.zeros(1, 3, 40, 60), infrared=torch.zeros(1, 1, 40, 60)))
        hook.after_test_iter(SimpleNamespace(visualizer=SimpleNamespace(dataset_meta=None)), 0, batch, [sample])
    assert sorted(path.name for path in (tmp_path / 'show').iterdir()) == ['0.png', '1.png', 'b-0.png']


def test_test_without_a_folder_draws_a_few(runner: Callable, tmp_path: Path) -> None:
    runner('few', num_samples=20).test()
    assert len(drawn(tmp_path)) == 7


def test_draw_false_draws_nothing(runner: Callable, tmp_path: Path) -> None:
    runner('none', draw=False).val()
    assert drawn(tmp_path) == {}


def test_boxes_are_scaled_to_the_image_that_the_model_saw() -> None:
    """A pair resized to half its width and height, one annotated and one good and one bad predicted box."""
    inputs = dict(visible=[torch.zeros(3, 100, 320, dtype=torch.uint8)],
                  infrared=[torch.zeros(1, 100, 320, dtype=torch.uint16)])
    sample = DetDataSample(metainfo=dict(
        scale_factor=(0.5, 0.5), instances=[dict(bbox=[200, 100, 300, 180], bbox_label=0, ignore_flag=0),
                                            dict(bbox=[0, 0, 60, 60], bbox_label=0, ignore_flag=1)]))
    sample.set_field(np.zeros((100, 320, 3), np.uint8), 'pred_img', dtype=None)
    sample.pred_instances = InstanceData(
        bboxes=torch.tensor([[400.0, 60, 600, 180], [0, 0, 100, 100]]), labels=torch.tensor([0, 0]),
        scores=torch.tensor([0.9, 0.1]))
    sheet = panel_image(inputs, 0, sample, dict(classes=('car',), palette=[(255, 255, 255)]), score_thr=0.3)
    visible, infrared, fused = (sheet[BAR:, start:start + 320] for start in (0, 322, 644))
    for panel, (left, right, row) in ((visible, (100, 150, 70)), (infrared, (100, 150, 70)), (fused, (200, 300, 70))):
        columns = np.flatnonzero(panel[row, :, 0] > 100)
        assert abs(columns.min() - left) <= 2 and abs(columns.max() - right) <= 2


@pytest.mark.parametrize('annotated', [True, False])
def test_masks_are_laid_over_the_image_of_the_model(annotated: bool) -> None:
    inputs = dict(visible=[torch.zeros(3, 100, 320, dtype=torch.uint8)],
                  infrared=[torch.zeros(1, 100, 320, dtype=torch.uint8)])
    sample = FusionDataSample(metainfo=dict(img_shape=(100, 320)))
    sample.pred_img = np.full((100, 320, 3), 100, np.uint8)
    sample.pred_sem_seg = PixelData(data=torch.ones(1, 100, 320, dtype=torch.uint8))
    if annotated:
        sample.gt_sem_seg = PixelData(data=torch.zeros(1, 100, 320, dtype=torch.uint8))
    sheet = panel_image(inputs, 0, sample, dict(palette=[(0, 0, 0), (200, 0, 0)]))  # RGB; laid over by half
    panels = [sheet[BAR + 50, place].tolist() for place in range(160, sheet.shape[1], 322)]
    truth, found = [50, 50, 50], [50, 50, 150]
    assert panels == [[0] * 3, [0] * 3, [100] * 3, *([truth] if annotated else []), found]


def test_one_sensor_and_a_reference() -> None:
    inputs = dict(visible=[torch.zeros(3, 100, 320, dtype=torch.uint8)],
                  reference=[torch.full((3, 100, 320), 200, dtype=torch.uint8)])
    sample = FusionDataSample(metainfo=dict(img_shape=(100, 320)))
    sample.pred_img = np.full((100, 320, 3), 90, np.uint8)
    sheet = panel_image(inputs, 0, sample, {})
    assert [int(sheet[BAR + 50, place, 0]) for place in (160, 482, 804)] == [0, 90, 200]
