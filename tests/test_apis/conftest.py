"""A tiny detector, a tiny search of it, and pairs of images on disk."""
import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from mmfusenas.apis.loading import build_model
from mmfusenas.nas import SearchSpace

DATASET_META = dict(classes=('color cone', 'car stop', 'car', 'person', 'bike'), palette=[(255, 0, 0)] * 5)


@pytest.fixture
def detector_config() -> Callable[..., dict]:
    """Return the config of a small task-guided RetinaNet; keywords make its scene module, ``neck`` its neck."""

    def config(neck: dict | None = None, **scene) -> dict:
        head = dict(
            type='RetinaHead', num_classes=5, in_channels=8, feat_channels=8, stacked_convs=1,
            anchor_generator=dict(type='AnchorGenerator', octave_base_scale=2, scales_per_octave=1, ratios=[1.0],
                                  strides=[8, 16, 32]),
            bbox_coder=dict(type='DeltaXYWHBBoxCoder'))
        return dict(
            _scope_='mmfusenas', type='TaskGuidedDetector', scene=scene or dict(type='FixedFusion', rule='average'),
            task=dict(
                _scope_='mmdet', type='RetinaNet',
                data_preprocessor=dict(
                    type='DetDataPreprocessor', mean=[127.0] * 3, std=[128.0] * 3, pad_size_divisor=32),
                backbone=dict(type='ResNet', depth=18, base_channels=4, out_indices=(1, 2, 3)),
                neck=neck or dict(type='FPN', out_channels=8, num_outs=3), bbox_head=head,
                test_cfg=dict(nms_pre=50, min_bbox_size=0, score_thr=0.0, nms=dict(type='nms', iou_threshold=0.5),
                              max_per_img=6)))

    return config


@pytest.fixture
def segmentor_config() -> Callable[[int], dict]:
    """Return the config of a small segmentor of so many classes on the average of a pair."""

    def config(num_classes: int) -> dict:
        pytest.importorskip('mmseg')
        return dict(
            _scope_='mmfusenas', type='TaskGuidedSegmentor', scene=dict(type='FixedFusion', rule='average'),
            task=dict(
                _scope_='mmseg', type='EncoderDecoder',
                data_preprocessor=dict(type='SegDataPreProcessor', mean=[127.0] * 3, std=[128.0] * 3, size_divisor=32,
                                       test_cfg=dict(size_divisor=32)),
                backbone=dict(type='ResNet', depth=18, base_channels=4, stem_channels=4),
                decode_head=dict(type='FCNHead', in_index=3, channels=4, num_convs=1, num_classes=num_classes),
                train_cfg={}, test_cfg=dict(mode='whole')))

    return config


@pytest.fixture
def search_checkpoint(detector_config: Callable) -> dict:
    """The checkpoint of a search of scene and neck, whose weights hold other (averaged) alphas than the live ones."""
    config = detector_config(
        neck=dict(type='mmfusenas.FeatureDistillationNeck', out_channels=8, num_outs=3, channels=4, nodes=2,
                  operators=('conv_1', 'conv_3', 'skip')),
        type='TIMFusion', channels=4, num_cells=1, cells=('successive', 'multi_scale'), operators=('rb_3', 'ca_3'))
    torch.manual_seed(0)
    model = build_model(config, 'test')
    for buffer in model.buffers():
        if buffer.is_floating_point():
            buffer.uniform_(0.5, 1.5)  # norm statistics that are no default
    space = SearchSpace(model)
    live = {name: torch.randn(len(choice.candidates)) for name, choice in space.choices.items()}
    return dict(
        meta=dict(model_cfg=json.dumps(config), dataset_meta=DATASET_META, epoch=3, seed=7),
        state_dict=model.state_dict(), bilevel_search=dict(alphas=live, space_hash=space.hash))


@pytest.fixture
def image() -> Callable[..., np.ndarray]:
    """Return a random image that is not flat: shape, seed and depth as asked."""

    def draw(*shape: int, seed: int = 0, dtype: type = np.uint8) -> np.ndarray:
        random = np.random.default_rng(seed).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)
        return cv2.blur(random, (5, 5))

    return draw


@pytest.fixture
def files(tmp_path: Path, image: Callable) -> Callable[..., Path]:
    """Write small images of the given names into a folder, and return the folder."""

    def write(folder: str, *names: str) -> Path:
        (tmp_path / folder).mkdir(exist_ok=True)
        for seed, name in enumerate(names):
            cv2.imwrite(str(tmp_path / folder / name), image(24, 32, seed=seed))
        return tmp_path / folder

    return write
