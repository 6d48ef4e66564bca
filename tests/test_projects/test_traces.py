"""The paths that the architecture page names are those that run."""
from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope

from kits import search as kit
from mmfusenas.engine.hooks import genotype_export_hook
from mmfusenas.engine.hooks.bilevel_search_hook import BilevelSearchHook
from mmfusenas.registry import MODELS

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
    parts = [set(re.findall(r'`((?:core|engine|models|nas|utils)/[\w/]+\.py)`', part)) for part in (first, *others)]
    assert len(configs) + len(parts[0]) == number
    return parts


def test_an_image_pair_takes_the_path_of_the_page():
    pytest.importorskip('mmdet')
    from mmdet.structures import DetDataSample
    from mmengine.structures import InstanceData
    init_default_scope('mmfusenas')
    cfg = Config.fromfile(ROOT / 'configs/tim/retinanet_ivif.py')
    cfg.merge_from_dict({'model.scene.init_cfg': None, 'model.task.backbone.pretrained': False})
    model = MODELS.build(cfg.model)
    sample = DetDataSample(
        metainfo=dict(img_shape=(64, 96), ori_shape=(64, 96), scale_factor=(1.0, 1.0), img_id=0),
        gt_instances=InstanceData(bboxes=torch.tensor([[8.0, 8.0, 40.0, 40.0]]), labels=torch.tensor([1])))
    images = dict(visible=torch.randint(256, (3, 64, 96)).byte(), infrared=torch.randint(256, (1, 64, 96)).byte())
    batch = dict(inputs={name: [image] for name, image in images.items()}, data_samples=[sample])
    predicting, training = set(), set()
    model.eval()
    with traced(predicting), torch.no_grad():
        model.test_step(batch)
    model.train()
    with traced(training):
        model(**model.data_preprocessor(batch, True), mode='loss')
    prediction, joint = named('One image pair')
    assert predicting == prediction and training == prediction | joint


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
    trace(genotype_export_hook.GenotypeExportHook, 'after_train_epoch', path)
    monkeypatch.setattr(genotype_export_hook, 'retrain_config', lambda *args: Config())
    monkeypatch.setattr(genotype_export_hook, 'complexity', lambda *args: {})
    kit.train(kit.config(tmp_path, search={}, export={}, epochs=1))
    path, step = ({file for file in files if not file.startswith(('datasets/', 'models/'))} for files in (path, step))
    assert path | step == named('One alpha')[0]
    assert len(step) == 6 and sum(len(Path(PACKAGE, file).read_text().splitlines()) for file in step) <= 900
