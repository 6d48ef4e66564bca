"""An outside project adds an operator, a backbone and a detector by custom_imports alone."""
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope
from torch import Tensor, nn

from mmfusenas.models.ops import build_operator
from mmfusenas.nas import SearchSpace
from mmfusenas.registry import DATASETS, MODELS, OPERATORS
from mmfusenas.utils.command_line import load_config
from mmfusenas.utils.config_check import find_problems

mmdet_registry = pytest.importorskip('mmdet.registry', exc_type=ImportError)
CONFIGS = Path('projects/example_project/configs')


@pytest.fixture
def outside(root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make the project importable; what it registers is forgotten after the test."""
    for registry in (MODELS, OPERATORS, mmdet_registry.MODELS):
        monkeypatch.setattr(registry, '_module_dict', dict(registry.module_dict))
    for name in [name for name in sys.modules if name.partition('.')[0] == 'example_project']:
        del sys.modules[name]
    monkeypatch.syspath_prepend(root / 'projects/example_project')
    init_default_scope('mmfusenas')
    return root / CONFIGS


def tiny(path: Path) -> Config:
    """The config with a small fusion network and two small scenes."""
    return load_config(str(path), {
        'model.scene.channels': 4, 'train_dataloader.dataset.length': 2, 'train_dataloader.dataset.size': (61, 83)})


def batch(cfg: Config, model: nn.Module) -> dict:
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    return model.data_preprocessor(pseudo_collate([dataset[0], dataset[1]]), training=True)


@pytest.mark.parametrize('name', ['foreground_retinanet_ivif', 'foreground_retinanet_ivif_search'])
def test_the_configs_are_right(outside: Path, name: str) -> None:
    cfg = load_config(str(outside / f'{name}.py'))
    assert find_problems(cfg) == []


def test_the_detectors_own_loss_guides_the_fusion_network(outside: Path) -> None:
    cfg = tiny(outside / 'foreground_retinanet_ivif.py')
    model = MODELS.build(cfg.model)
    assert type(model.task).__name__ == 'ForegroundRetinaNet' and type(model.task.backbone).__name__ == 'SeparableNet'
    losses = model(**batch(cfg, model), mode='loss')
    assert {'loss_cls', 'loss_bbox', 'loss_foreground', 'scene.loss_ssim'} < set(losses)
    losses['loss_foreground'].backward()
    assert model.scene.stem[0].weight.grad.abs().sum() > 0
    assert all(weight.grad is None for weight in model.task.bbox_head.parameters())


def test_a_search_can_find_the_operator(outside: Path) -> None:
    """Where every choice takes it, the derived network is the supernet with these choices."""
    cfg = tiny(outside / 'foreground_retinanet_ivif_search.py')
    cfg.merge_from_dict({'model.task.neck.channels': 4, 'model.task.neck.nodes': 2})
    model = MODELS.build(cfg.model)
    space = SearchSpace(model)
    offered = {name for name, choice in space.choices.items() if 'gc_3' in choice.candidates}
    assert {name.split('.ops.')[0] for name in offered if '.ops.' in name} == {
        'scene.cells.0.successive', 'scene.cells.1.successive'}
    assert len([name for name in offered if name.startswith('task.neck.cells.')]) == 9  # 3 levels of 3 edges
    space.select({name: 'gc_3' if name in offered else choice.candidates[0] for name, choice in space.choices.items()})
    derived = space.derive(space.genotype()).eval()
    pair = dict(visible=torch.rand(1, 3, 64, 96), infrared=torch.rand(1, 1, 64, 96))
    with torch.no_grad():
        for found, expected in zip(derived(pair)[0], model.eval()(pair)[0], strict=True):
            torch.testing.assert_close(found, expected)


def test_without_the_import_the_operator_is_unknown() -> None:
    with pytest.raises(ValueError, match="'gc_3'.*custom_imports"):
        build_operator('gc_3', channels=8)


def test_ghost_conv(outside: Path) -> None:
    load_config(str(outside / 'foreground_retinanet_ivif.py'))
    for channels, kernel in ((8, 3), (7, 5)):
        op = build_operator(f'gc_{kernel}', channels).eval()
        x = torch.rand(2, channels, 11, 13)
        primary = op.primary(x)
        expected = torch.cat([primary, op.cheap(primary)[:, :channels // 2]], 1) + x
        torch.testing.assert_close(op(x), expected)
        assert op.cheap.conv.weight.shape == ((channels + 1) // 2, 1, kernel, kernel)


def test_foreground_targets(outside: Path) -> None:
    load_config(str(outside / 'foreground_retinanet_ivif.py'))
    from example_project.foreground_retinanet import inside_boxes

    def target(*boxes: tuple) -> Tensor:
        return inside_boxes(torch.tensor(boxes, dtype=torch.float).reshape(-1, 4), (16, 32), (2, 4))

    assert target().tolist() == [[0, 0, 0, 0], [0, 0, 0, 0]]
    assert target((0, 0, 8, 8), (20, 4, 32, 16)).tolist() == [[1, 0, 1, 1], [0, 0, 1, 1]]


def test_backbone_levels(outside: Path) -> None:
    load_config(str(outside / 'foreground_retinanet_ivif.py'))
    levels = MODELS.build(dict(type='SeparableNet', out_indices=(0, 3)))(torch.rand(2, 3, 64, 96))
    assert [tuple(level.shape) for level in levels] == [(2, 32, 16, 24), (2, 128, 2, 3)]
    with pytest.raises(ValueError, match='stages are 0-3'):
        MODELS.build(dict(type='SeparableNet', out_indices=(4,)))


def test_the_package_knows_nothing_of_it(root: Path) -> None:
    words = ('example_project', 'GhostConv', 'SeparableNet', 'ForegroundRetinaNet')
    for folder in ('mmfusenas', 'configs', 'tools'):
        for path in (root / folder).rglob('*.py'):
            assert not any(word in path.read_text() for word in words), path


def run(root: Path, *command: object) -> str:
    """Run a tool from the repository's root, as the project's README does."""
    environment = {**os.environ, 'PYTHONPATH': os.pathsep.join([str(root / 'projects/example_project'), str(root)])}
    result = subprocess.run(
        [sys.executable, *map(str, command)], cwd=root, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr[-3000:]
    return result.stdout


def short(*dataloaders: str) -> list[str]:
    options = dict(batch_size=2, num_workers=0, persistent_workers=False)
    options |= {'dataset.length': 2, 'dataset.size': '(64,64)'}
    return [f'{loader}.{key}={value}' for loader in dataloaders for key, value in options.items()]


@pytest.mark.slow
def test_the_chain_of_commands(root: Path, tmp_path: Path) -> None:
    """Search with the operator from outside, derive, retrain what was found, and use it, with the stock tools."""
    loaders = short('train_dataloader', 'val_dataloader', 'test_dataloader')
    small = ['model.scene.channels=4', 'model.task.neck.channels=4', 'model.task.neck.nodes=2',
             'train_cfg.max_epochs=2']
    run(root, 'tools/train.py', CONFIGS / 'foreground_retinanet_ivif_search.py', '--work-dir', tmp_path,
        '--cfg-options', *loaders, *small, 'default_hooks.search.interval=1', *short('default_hooks.search.dataloader'))
    choices = json.loads((tmp_path / 'genotype.json').read_text())['choices']
    searched = [name for name in choices if '.ops.' in name]
    assert len(searched) == 4 and all(choices[n] in ('rb_3', 'dc_3', 'ca_3', 'gc_3', 'gc_5') for n in searched)

    run(root, 'tools/derive.py', tmp_path / 'epoch_2.pth', '--out', tmp_path / 'found.json',
        '--checkpoint', tmp_path / 'derived.pth', '--config', CONFIGS / 'foreground_retinanet_ivif_search.py')
    assert json.loads((tmp_path / 'found.json').read_text())['choices'] == choices

    run(root, 'tools/train.py', tmp_path / 'retrain.py', '--cfg-options', *loaders)
    config, checkpoint = tmp_path / 'retrain/retrain.py', tmp_path / 'retrain/epoch_2.pth'
    run(root, 'tools/test.py', config, checkpoint, '--out', tmp_path / 'metrics.json')
    assert 'coco/bbox_mAP_50' in json.loads((tmp_path / 'metrics.json').read_text())
