"""The paths that the architecture page names are those that run."""
from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope
from mmengine.runner import Runner

from kits import search as kit
from mmfusenas.datasets.images import write_image
from mmfusenas.engine.hooks.bilevel_search_hook import BilevelSearchHook
from mmfusenas.engine.hooks.genotype_export_hook import GenotypeExportHook
from mmfusenas.registry import MODELS, TRANSFORMS

ROOT = Path(__file__).parents[2]
PACKAGE = f'{ROOT}/mmfusenas/'


@contextmanager
def traced(files: set[str]) -> Iterator[None]:
    """Add the files of the package whose functions run inside the block."""

    def note(frame, event, arg):
        if frame.f_code.co_filename.startswith(PACKAGE):
            files.add(frame.f_code.co_filename.removeprefix(PACKAGE))

    before = sys.gettrace()
    sys.settrace(note)
    try:
        yield
    finally:
        sys.settrace(before)


def named(beginning: str) -> list[set[str]]:
    """Return the files of the package that each paragraph of a path names, and check their stated number."""
    page = (ROOT / 'docs/en/architecture.md').read_text()
    path = page.partition(f'**{beginning}')[2].partition('\n**')[0].partition('\n## ')[0]
    number, first, *others = int(re.search(r'\*\*: (\d+) files', path)[1]), *re.split(r'\n\n(?=[A-Z])', path)
    configs = re.findall(r'`configs/[\w/-]+\.py`', first)
    parts = [set(re.findall(r'`((?:core|datasets|engine|models|nas|structures|utils)/[\w/]+\.py)`', part))
             for part in (first, *others)]
    assert len(configs) + len(parts[0]) == number
    return parts


def test_an_image_pair_takes_the_path_of_the_page(tmp_path, monkeypatch):
    for folder, channels in dict(vi=(3, ), ir=()).items():
        write_image(tmp_path / f'test/{folder}/0.png', np.full((64, 96, *channels), 90, np.uint8))
    monkeypatch.setenv('TNO_ROOT', str(tmp_path))
    cfg = Config.fromfile(ROOT / 'configs/tim/fusion_light-tno.py')
    init_default_scope('mmfusenas')
    model = MODELS.build(cfg.model).eval()
    loader = Runner.build_dataloader({**cfg.test_dataloader, 'num_workers': 0, 'persistent_workers': False})
    files = set()
    with traced(files), torch.no_grad():
        for batch in loader:
            result, = model.test_step(batch)
    assert result.pred_img.shape == (64, 96, 3)
    assert files == named('One image pair')[0] and len(files) <= 14 - 2  # of the configs


def test_an_image_pair_takes_the_path_of_the_page_to_a_detector():
    pytest.importorskip('mmdet')
    init_default_scope('mmfusenas')
    cfg = Config.fromfile(ROOT / 'configs/tim/retinanet_ivif.py')
    cfg.merge_from_dict({'model.scene.init_cfg': None, 'model.task.backbone.pretrained': False})
    model = MODELS.build(cfg.model)
    sample = dict(
        img=np.full((64, 96, 3), 90, np.uint8), infrared=np.full((64, 96), 90, np.uint8), img_id=0,
        gt_bboxes=np.array([[8.0, 8.0, 40.0, 40.0]], np.float32), gt_bboxes_labels=np.array([1]),
        gt_ignore_flags=np.zeros(1, bool))
    pack = TRANSFORMS.build(cfg.test_pipeline[-1])
    predicting, training = set(), set()
    model.eval()
    with traced(predicting), torch.no_grad():
        batch = pseudo_collate([pack(sample)])
        model.test_step(batch)
    model.train()
    with traced(training):
        model(**model.data_preprocessor(batch, True), mode='loss')
    alone, detector, joint = named('One image pair')
    packing = {'core/renamed.py', 'datasets/transforms/pack_pair.py', 'datasets/transforms/pack_pair_det.py'}
    sample_files = {'datasets/images.py', 'datasets/transforms/load_pair.py', 'structures/fusion_data_sample.py'}
    assert predicting == (alone | detector) - sample_files
    assert training == (predicting | joint) - packing


def test_an_alpha_takes_the_path_of_the_page(tmp_path, monkeypatch):
    path, step = set(), set()

    def trace(hook: type, moment: str, files: set[str]) -> None:
        run: Callable = getattr(hook, moment)

        def with_trace(*args, **kwargs) -> None:
            with traced(files):
                run(*args, **kwargs)

        monkeypatch.setattr(hook, moment, with_trace)

    trace(BilevelSearchHook, 'before_train_iter', path)
    trace(BilevelSearchHook, 'after_train_iter', step)
    for hook in (BilevelSearchHook, GenotypeExportHook):
        for moment in ('before_run', 'before_train', 'before_save_checkpoint'):
            trace(hook, moment, path)
    trace(GenotypeExportHook, 'after_train_epoch', path)
    kit.train(kit.config(tmp_path, search={}, export=dict(shape=(16, 20)), epochs=1))
    # What the network and its data run is not followed.
    path, step = ({file for file in files if not file.startswith(('datasets/', 'models/'))} for files in (path, step))
    counted, others, _ = named('One alpha')
    assert path | step == counted | others and not counted & others and len(counted) <= 12 - 1  # of the config
    step -= others
    assert len(step) == 6 and sum(len(Path(PACKAGE, file).read_text().splitlines()) for file in step) <= 900
