"""Images of what a model makes of a few pairs, at every validation and test."""
from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmengine.structures import BaseDataElement
from torch.utils.data import DataLoader

from mmfusenas.datasets.images import to_display, write_image
from mmfusenas.datasets.pairing import name_apart
from mmfusenas.registry import HOOKS
from mmfusenas.visualization import draw_mask, enlarge, side_by_side


@HOOKS.register_module()
class FusionVisualizationHook(Hook):
    """Draw visible, infrared and fused image side by side, with the annotated and the predicted boxes or masks.

    A validation or test draws ``num_samples`` pairs, spread evenly over the data and the same each time, and hands them
    to the Runner's visualizer, whose stock backend writes ``TIMESTAMP/vis_data/vis_image/val_K_ITERATION.png`` in the
    work dir. The images are those that the model was given, after the transforms of the test data.

    Args:
        num_samples: Pairs to draw. Defaults to 4.
        score_thr: Lowest score of the detections drawn. Defaults to 0.3.
        draw: Whether to draw at all. Defaults to True.
        test_out_dir: Folder that gets an image of every test pair instead, ``STEM.png``, where another folder has that
            stem too ``FOLDER-STEM.png``; ``tools/test.py --show-dir`` sets it. Defaults to None.

    Example:
        >>> from types import SimpleNamespace
        >>> from mmfusenas.structures import FusionDataSample
        >>> runner = SimpleNamespace(visualizer=SimpleNamespace(dataset_meta=None))
        >>> batch = dict(inputs=dict(visible=torch.zeros(1, 3, 40, 60), infrared=torch.zeros(1, 1, 40, 60)))
        >>> sample = FusionDataSample(metainfo=dict(img_path='vi/1.png'), pred_img=np.zeros((40, 60, 3), np.uint8))
        >>> FusionVisualizationHook(test_out_dir='shown').after_test_iter(runner, 0, batch, [sample])
        >>> Path('shown/1.png').is_file()
        True
    """

    def __init__(self, num_samples: int = 4, score_thr: float = 0.3, draw: bool = True,
                 test_out_dir: str | None = None) -> None:
        self.num_samples, self.score_thr, self.draw, self.test_out_dir = num_samples, score_thr, draw, test_out_dir
        self._names: dict[str, str] = {}

    def before_val_epoch(self, runner: Runner) -> None:
        """Choose the pairs of this validation."""
        self._choose(runner.val_dataloader)

    def before_test_epoch(self, runner: Runner) -> None:
        """Choose the pairs of this test."""
        self._choose(runner.test_dataloader)

    def after_val_iter(self, runner: Runner, batch_idx: int, data_batch: dict,
                       outputs: Sequence[BaseDataElement]) -> None:
        """Draw those of the batch that were chosen."""
        self._show(runner, 'val', data_batch, outputs)

    def after_test_iter(self, runner: Runner, batch_idx: int, data_batch: dict,
                        outputs: Sequence[BaseDataElement]) -> None:
        """Draw those of the batch that were chosen, or all of them into ``test_out_dir``."""
        if not self.draw or self.test_out_dir is None:
            self._show(runner, 'test', data_batch, outputs)
            return
        for i, sample in enumerate(outputs):
            image = panel_image(data_batch['inputs'], i, sample, self._meta(runner), self.score_thr)
            write_image(Path(self.test_out_dir, f'{name_apart(sample.img_path, self._names)}.png'), image)

    def _choose(self, dataloader: DataLoader) -> None:
        total = len(dataloader.sampler)
        places = np.linspace(0, total - 1, min(self.num_samples, total)).round().astype(int)
        self._chosen = {int(place): k for k, place in enumerate(places)}
        self._seen = 0

    def _show(self, runner: Runner, mode: str, data_batch: dict, outputs: Sequence[BaseDataElement]) -> None:
        for i, sample in enumerate(outputs):
            if self.draw and is_main_process() and self._seen + i in self._chosen:
                image = panel_image(data_batch['inputs'], i, sample, self._meta(runner), self.score_thr)
                name = f'{mode}_{self._chosen[self._seen + i]}'
                # Asked for its iteration in a test, the Runner would build the train loop, whose data may not be there.
                step = 0 if mode == 'test' else runner.iter
                runner.visualizer.add_image(name, np.ascontiguousarray(image[..., ::-1]), step=step)
        self._seen += len(outputs)

    def _meta(self, runner: Runner) -> dict[str, Any]:
        return runner.visualizer.dataset_meta or {}


def panel_image(inputs: dict[str, Sequence], index: int, sample: BaseDataElement, dataset_meta: dict[str, Any],
                  score_thr: float = 0.3) -> np.ndarray:
    """Return the sensors' images, the model's and its reference side by side, with boxes or masks if there are any.

    Args:
        inputs: A batch before preprocessing: lists of tensors C x H x W, as far as there are any ``visible``,
            ``infrared``, ``guide``, ``target`` and ``reference``.
        index: Place of the pair in the batch.
        sample: Its prediction, with ``pred_img``. Annotated boxes are read from its meta information
            ``instances``, predicted ones from ``pred_instances``; both are in pixels of the original image. Masks
            are ``gt_sem_seg`` and ``pred_sem_seg``.
        dataset_meta: ``classes`` and ``palette``.
        score_thr: Lowest score of the detections drawn.

    Returns:
        An image, BGR, uint8; small images are enlarged.
    """
    made = 'restored' if 'restored' in sample else 'fused' if 'infrared' in inputs else 'enhanced'
    panels = _panels(inputs, index, sample, made)
    large = {caption: enlarge(image, 320)[0] for caption, image in panels.items()}
    if 'pred_sem_seg' in sample:
        masks = {'as annotated': sample.get('gt_sem_seg'), 'as segmented': sample.pred_sem_seg}
        large.update({caption: draw_mask(large[made], mask.data[0].cpu().numpy(), dataset_meta)
                      for caption, mask in masks.items() if mask is not None})
    if 'pred_instances' in sample:
        factor = large['visible'].shape[1] / panels['visible'].shape[1]
        return side_by_side(_with_boxes(large, made, factor, sample, dataset_meta, score_thr))
    return side_by_side(large)


def _panels(inputs: dict[str, Sequence], index: int, sample: BaseDataElement, made: str) -> dict[str, np.ndarray]:
    """Return the images by caption; the model's is called ``made``."""
    panels = {name: to_display(inputs[name][index].permute(1, 2, 0).cpu().numpy())
              for name in ('visible', 'infrared', 'guide', 'target', 'reference') if name in inputs}
    order = [*(caption for caption in panels if caption != 'reference'), made, 'reference']
    panels[made] = np.asarray(sample.pred_img)
    return {caption: panels[caption] for caption in order if caption in panels}


def _with_boxes(large: dict[str, np.ndarray], made: str, factor: float, sample: BaseDataElement,
                dataset_meta: dict[str, Any], score_thr: float) -> dict[str, np.ndarray]:
    """Return images with boxes drawn in, those of the sensors with the annotated ones, the model's with its own."""
    from mmfusenas.visualization import draw_detections  # there are no detections without mmdet
    scale = np.tile(sample.metainfo.get('scale_factor', (1.0, 1.0)), 2) * factor
    truth = [instance for instance in sample.metainfo.get('instances', ()) if not instance['ignore_flag']]
    boxes = np.array([instance['bbox'] for instance in truth]).reshape(-1, 4) * scale
    labels = np.array([instance['bbox_label'] for instance in truth], int)
    found = sample.pred_instances[sample.pred_instances.scores >= score_thr].cpu().numpy()
    drawn = {f'{caption}, as annotated': draw_detections(image, boxes, labels, dataset_meta=dataset_meta)
             for caption, image in large.items() if caption != made}
    drawn[f'{made}, as detected'] = draw_detections(
        large[made], found.bboxes * scale, found.labels, found.scores, dataset_meta)
    return drawn
