"""Guided super-resolution by the tool."""
import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from mmfusenas.apis.loading import build_model
from mmfusenas.utils.checkpoint import save_checkpoint

MODEL = dict(type='GuidedSR', net=dict(type='GuidedSRNet', genotype='dcnas-tiny-16x', channels=8))


def test_the_tool_writes_images_and_arrays(tmp_path: Path, run_tool: Callable) -> None:
    model = build_model(MODEL, 'test')
    depth = np.random.default_rng(0).uniform(500, 3000, (12, 16))
    for name in ('depth', 'rgb'):
        (tmp_path / name).mkdir()
    np.save(tmp_path / 'depth/1_depth.npy', depth)
    cv2.imwrite(str(tmp_path / 'depth/2_depth.png'), depth.astype(np.uint16))
    for i in (1, 2):
        guidance = np.random.default_rng(i).integers(0, 256, (45, 61, 3), dtype=np.uint8)
        cv2.imwrite(str(tmp_path / f'rgb/{i}_rgb.png'), guidance)
    meta = dict(model_cfg=json.dumps(dict(MODEL, _scope_='mmfusenas')))
    save_checkpoint(dict(meta=meta, state_dict=model.state_dict()), tmp_path / 'model.pth')
    out = tmp_path / 'out'
    assert run_tool('infer', '--model', tmp_path / 'model.pth', '--target', tmp_path / 'depth', '--guidance',
                    tmp_path / 'rgb', '--out-dir', out) == ''
    restored = np.load(out / 'restored/1_depth.npy')
    assert restored.shape == (45, 61) and restored.max() > 1000
    whole = cv2.imread(str(out / 'restored/2_depth.png'), cv2.IMREAD_UNCHANGED)
    assert whole.dtype == np.uint16 and np.abs(whole - np.load(out / 'restored/2_depth.npy')).max() <= 0.5
    assert not (out / 'restored/1_depth.png').exists()
    assert cv2.imread(str(out / 'images/2_depth.png')).shape == (45, 61, 3)
    images = json.loads((out / 'predictions.json').read_text())['images']
    assert [image['stem'] for image in images] == ['1_depth', '2_depth']
    assert 'give one kind' in run_tool('infer', '--model', tmp_path / 'model.pth', '--target', 'a', '--input', 'b',
                                       '--out-dir', out)
