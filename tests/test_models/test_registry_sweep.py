"""Every registered model part: builds, runs forward and backward at an odd size, and survives every kind of copy.

A new part needs one line in ``CASES``; without it ``test_every_registered_part_has_a_case`` fails.
"""
import copy
import importlib
import pickle
import pkgutil
import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.registry import Registry
from torch import Tensor, nn

import mmfusenas.models  # registers the parts
from mmfusenas.models.classifiers import QualityClassifier
from mmfusenas.nas import SearchSpace
from mmfusenas.registry import CELLS, MODELS, OPERATORS
from mmfusenas.utils.optional import available

REGISTRIES = dict(model=MODELS, operator=OPERATORS, cell=CELLS)
HEIGHT, WIDTH = 61, 83


def features(channels: int = 8, stride: int = 1) -> Tensor:
    generator = torch.Generator().manual_seed(stride)
    return torch.rand(2, channels, -(-HEIGHT // stride), -(-WIDTH // stride), generator=generator, requires_grad=True)


def pair() -> dict[str, Tensor]:
    return dict(visible=features(3), infrared=features(1))


def image() -> dict[str, Tensor]:
    return dict(visible=features(3))


@dataclass
class Case:
    """A tiny config, the inputs, and how the part is called with them."""

    config: dict = field(default_factory=dict)
    inputs: Callable = features
    run: Callable = lambda module, inputs: module(inputs)
    needs: str | None = None
    registry: Registry | None = None


TINY_RETINANET = dict(
    _scope_='mmdet', type='RetinaNet',
    data_preprocessor=dict(type='DetDataPreprocessor', mean=[127.0] * 3, std=[128.0] * 3),
    backbone=dict(type='ResNet', depth=18, base_channels=4, stem_channels=4, out_indices=(1, 2, 3)),
    neck=dict(type='FPN', out_channels=8, num_outs=3),
    bbox_head=dict(type='RetinaHead', num_classes=2, in_channels=8, feat_channels=8, stacked_convs=1),
)  # fmt: skip

TINY_SEGMENTOR = dict(
    _scope_='mmseg', type='EncoderDecoder',
    data_preprocessor=dict(type='SegDataPreProcessor', mean=[127.0] * 3, std=[128.0] * 3, size_divisor=32),
    backbone=dict(type='ResNet', depth=18, base_channels=4, stem_channels=4),
    decode_head=dict(type='FCNHead', in_index=3, channels=4, num_convs=1, num_classes=2, dropout_ratio=0.0),
    train_cfg={}, test_cfg=dict(mode='whole'),
)  # fmt: skip

TINY_STAGE = dict(
    type='GuidedStage', physics=dict(type='Deconvolution'), denoiser=dict(type='DilatedDenoiser', channels=4),
    proxy=dict(type='GuidanceProxy', channels=4))

KERNEL = torch.full((2, 1, 5, 5), 1 / 25)

QUALITY = Path(tempfile.mkdtemp()) / 'quality.pth'
torch.save(QualityClassifier((8, 8)).state_dict(), QUALITY)

CASES = {
    **{f'operator/{name}': Case(dict(channels=8, kernel_size=3))
       for name in ('ca', 'conv', 'db', 'dc', 'dense', 'dil', 'rb', 'res', 'sa', 'sc')},
    **{f'operator/{name}': Case(dict(channels=8, kernel_size=3, dilation=2)) for name in ('c', 'rc')},
    'operator/skip': Case(dict(channels=8)),
    **{f'cell/{name}': Case(dict(channels=8, operators=['rb_3', 'ca_5']))
       for name in ('decomposition', 'multi_scale', 'successive')},
    'cell/hadamard': Case(dict(channels=8)),
    'cell/distillation': Case(dict(channels=8, stages=1)),
    'cell/feature_distillation': Case(dict(in_channels=8, out_channels=6, channels=4, nodes=2)),
    'model/TIMFusion': Case(dict(channels=8, operators=['rb_3', 'ca_5'], loss=dict(type='FusionLoss')), pair,
                            lambda module, inputs: list(module(inputs, mode='loss').values())),
    'model/FixedFusion': Case(dict(rule='maximum'), pair),
    'model/FusionLoss': Case({}, lambda: [features(1), features(1, 1), features(1, 1)],
                             lambda module, inputs: list(module(*inputs).values())),
    'model/FusedImageLoss': Case({}, lambda: dict(fused_luma=features(1), visible_luma=features(1, 1),
                                                  infrared=features(1, 1)),
                                 lambda module, images: list(module(images, images).values())),
    'model/PairDataPreprocessor': Case(
        {}, lambda: dict(inputs={name: list(x.detach() * 255) for name, x in pair().items()}),
        lambda module, inputs: list(module(inputs)['inputs'].values())),
    'model/GuidedDataPreprocessor': Case(
        {}, lambda: dict(inputs=dict(visible=list(features(3).detach() * 255), infrared=list(features(1).detach()))),
        lambda module, inputs: list(module(inputs)['inputs'].values())),
    'model/GuidedSRNet': Case(dict(channels=4, blocks=1), lambda: [features(1), features(3)],
                              lambda module, inputs: module(*inputs)),
    'model/GuidedFilterSR': Case({}, lambda: [features(1), features(3)], lambda module, inputs: module(*inputs)),
    'model/GuidedSR': Case(
        dict(net=dict(type='GuidedSRNet', channels=4, blocks=1)),
        lambda: dict(guide=features(3), target=features(1), reference=1 - features(1)),
        lambda module, inputs: list(module(inputs, mode='loss').values())),
    'model/FeatureDistillationNeck': Case(
        dict(in_channels=[4, 8, 16], out_channels=8, channels=4, nodes=2, num_outs=4),
        lambda: [features(4, 8), features(8, 16), features(16, 32)]),
    'model/TaskGuidedDetector': Case(
        dict(scene=dict(type='TIMFusion', channels=8, genotype=None, operators=['rb_3'], cells=['successive']),
             task=TINY_RETINANET), pair, needs='mmdet'),
    'model/EnhancementNet': Case(
        dict(channels=8, operators=['rb_3', 'ca_5'], merge='concat'), lambda: [features(1)] * 3,
        lambda module, inputs: list(module(*inputs).values())),
    'model/EnhancementLoss': Case({}, lambda: [features(1)] * 5,
                                  lambda module, inputs: list(module(*inputs).values())),
    'model/TIMEnhancement': Case(
        dict(fusion=dict(type='TIMFusion', channels=8, genotype='tim-light', loss=dict(type='FusionLoss')),
             enhancement=dict(type='EnhancementNet', channels=8, operators=['rb_3']),
             loss=dict(type='EnhancementLoss')), pair,
        lambda module, inputs: list(module(inputs, mode='loss').values())),
    'model/RUASScene': Case(dict(loss=dict(type='RTVSceneLoss')), image,
                            lambda module, inputs: [module(inputs), *module(inputs, mode='loss').values()]),
    'model/RTVSceneLoss': Case({}, lambda: [features(3), features(3, 1)],
                               lambda module, inputs: list(module(*inputs).values())),
    'model/SmoothSceneLoss': Case({}, lambda: [features(3), features(3, 1)],
                                  lambda module, inputs: list(module(*inputs).values())),
    'model/DenoisingLoss': Case({}, lambda: [features(3), features(3, 1)],
                                lambda module, inputs: list(module(*inputs).values())),
    'model/NoiseRemoval': Case(dict(channels=4, num_cells=2), lambda: features(3)),
    'model/NoiseEstimation': Case(dict(channels=4), lambda: features(3)),
    'model/RUASEnhancement': Case(
        dict(scene=dict(type='RUASScene', stages=2, loss=dict(type='SmoothSceneLoss')),
             task=dict(type='NoiseRemoval', channels=4, num_cells=1), loss=dict(type='DenoisingLoss'),
             denoise='always'), image,
        lambda module, inputs: list(module(inputs, mode='loss').values())),
    'model/RegistrationNet': Case({}, lambda: [features(1), features(1, 1)], lambda module, inputs: module(*inputs)),
    'model/RegistrationLoss': Case({}, lambda: [features(2), features(1), features(1)],
                                   lambda module, inputs: list(module(*inputs).values())),
    'model/RegisteredFusion': Case(
        dict(registration=dict(type='RegistrationNet'), loss=dict(type='RegistrationLoss'),
             fusion=dict(type='TIMFusion', channels=8, genotype='tim-light', loss=dict(type='FusionLoss'))), pair,
        lambda module, inputs: list(module(inputs, mode='loss').values())),
    'model/FeatureDistillationHead': Case(
        dict(in_channels=[4, 8, 16], in_index=[0, 1, 2], channels=8, nodes=2, num_classes=3, dropout_ratio=0.0),
        lambda: [features(4, 8), features(8, 16), features(16, 32)],
        lambda module, inputs: [module(inputs), module.conv_seg_coarse(module._decode(inputs)[0])], needs='mmseg'),
    'model/S3FDVGG': Case({}, lambda: features(3)),
    'model/SearchedSSDNeck': Case(dict(in_channels=[4, 8], extras=[(4, 6, 2)], l2_norm_scales=[10]),
                                  lambda: [features(4, 8), features(8, 16)]),
    'model/SearchedSSDHead': Case(
        dict(num_classes=2, in_channels=[4, 8], bbox_coder=dict(type='mmdet.DeltaXYWHBBoxCoder'),
             anchor_generator=dict(type='mmdet.AnchorGenerator', strides=[8, 16], ratios=[1.0], scales=[1])),
        lambda: [features(4, 8), features(8, 16)], needs='mmdet'),
    'model/SearchedASPPHead': Case(
        dict(in_channels=8, in_index=1, channels=4, c1_in_channels=4, c1_channels=4, num_classes=3,
             norm_cfg=dict(type='BN'), dropout_ratio=0.0),
        lambda: [features(4, 4), features(8, 16)], needs='mmseg'),
    'model/TaskGuidedSegmentor': Case(
        dict(scene=dict(type='TIMFusion', channels=8, genotype=None, operators=['rb_3'], cells=['successive']),
             task=TINY_SEGMENTOR), pair, needs='mmseg'),
    'model/HadamardNet': Case(dict(channels=4, num_units=1), lambda: features(3)),
    'model/Restoration': Case(
        dict(net=dict(type='HadamardNet', channels=4, num_units=1), loss=dict(type='RestorationLoss')),
        lambda: dict(visible=features(3), reference=1 - features(3)),
        lambda module, inputs: list(module(inputs, mode='loss').values())),
    'model/RestorationLoss': Case({}, lambda: [features(3), 1 - features(3)],
                                  lambda module, inputs: list(module(*inputs).values())),
    'model/QualityClassifier': Case(
        dict(channels=(8, 8)), lambda: dict(visible=features(3), reference=1 - features(3)),
        lambda module, inputs: module(inputs)),  # what it learns from is drawn
    'model/QualityLoss': Case(
        dict(checkpoint=str(QUALITY), classifier=dict(type='QualityClassifier', channels=(8, 8))),
        lambda: dict(image=features(3)), lambda module, inputs: list(module(inputs, {}).values())),
    'model/KnownGuidance': Case({}, lambda: features(1)),
    'model/GuidanceProxy': Case(dict(channels=4), lambda: features(1)),
    'model/DilatedDenoiser': Case(dict(channels=4), lambda: features(2)),
    'model/GuidedStage': Case(
        dict(physics=dict(type='AdditiveLayer'), denoiser=dict(type='DilatedDenoiser', channels=4),
             proxy=dict(type='GuidanceProxy', channels=4)), lambda: features(1),
        lambda module, y: module(y, y, 0.01, None, {})),
    'model/HyperGuidedRestoration': Case(
        dict(stages=2, stage=TINY_STAGE, guidance_loss=dict(type='GuidanceLoss', tv=0.1)),
        lambda: dict(visible=features(3), reference=1 - features(3), noise=features(1), kernel=KERNEL),
        lambda module, inputs: list(module(inputs, mode='loss').values())),
    'model/StageLoss': Case({}, lambda: [features(6), features(3)],
                            lambda module, inputs: list(module(*inputs).values())),
    'model/GuidanceLoss': Case({}, lambda: dict(guidance=features(6), truth=features(3)),
                               lambda module, inputs: list(module(inputs, {}).values())),
    'model/Deconvolution': Case({}, lambda: features(1), lambda module, y: module(
        y, y, 0.01, None, module.prepare(y, KERNEL))),
    'model/AdditiveLayer': Case({}, lambda: features(1), lambda module, y: module(y, y, 0.01, y, {})),
    'model/Scattering': Case({}, lambda: features(1), lambda module, y: module(y, y, 0.01, y, module.prepare(y))),
    'model/EfficientNetLite': Case(dict(out_indices=(0, 2)), lambda: features(3), needs='efficientnet_lite_pytorch'),
}  # fmt: skip


@pytest.fixture(params=CASES)
def case(request) -> Case:
    case = CASES[request.param]
    if case.needs and not available(case.needs):
        pytest.skip(f'{request.param} needs {case.needs}')
    kind, name = request.param.split('/')
    return replace(case, config=ConfigDict(case.config, type=name), registry=REGISTRIES[kind])


def build(case: Case, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    module = case.registry.build(copy.deepcopy(case.config))
    SearchSpace(module).relax()
    return module


def tensors(output) -> list[Tensor]:
    """Flatten what a module returns."""
    if isinstance(output, Tensor):
        return [output]
    values = output.values() if isinstance(output, dict) else output
    return [tensor for value in values for tensor in tensors(value)]


def run(case: Case, module: nn.Module) -> list[Tensor]:
    return tensors(case.run(module, case.inputs()))


def predict(case: Case, module: nn.Module) -> list[Tensor]:
    """Outputs in evaluation mode, after a training step that moved what it moves."""
    with torch.no_grad():
        return run(case, module.eval())


def test_every_registered_part_has_a_case():
    ours = {f'{kind}/{name}' for kind, registry in REGISTRIES.items() for name, part in registry.module_dict.items()
            if part.__module__.startswith('mmfusenas.')}
    assert ours - set(CASES) == set(), 'give each new part a line in CASES'
    assert set(CASES) - ours == set(), 'these are no longer registered'


def test_every_other_registered_part_is_tested_somewhere():
    """Data sets, transforms, metrics, hooks, loops, strategies: what builds and runs differs, so each has its tests."""
    pytest.importorskip('mmdet')
    pytest.importorskip('mmseg')
    for module in pkgutil.walk_packages(mmfusenas.__path__, 'mmfusenas.'):
        importlib.import_module(module.name)
    here, tests = Path(__file__), Path(__file__).parent.parent
    words = {word for path in tests.rglob('*.py') if path != here for word in re.findall(r'\w+', path.read_text())}
    others = [registry for registry in vars(mmfusenas.registry).values()
              if isinstance(registry, Registry) and registry not in REGISTRIES.values()]
    parts = {part.__name__ for registry in others for part in registry.module_dict.values()
             if part.__module__.startswith('mmfusenas.')}
    assert len(parts) > 70 and parts - words == set()


def test_runs_forward_and_backward_at_an_odd_size(case):
    module = build(case)
    outputs = run(case, module.train())
    assert outputs and all(torch.isfinite(output).all() for output in outputs)
    differentiable = [output for output in outputs if output.requires_grad]
    parameters = {name: p for name, p in module.named_parameters() if p.requires_grad}
    if not differentiable:
        assert not parameters
        return
    torch.manual_seed(1)
    sum((output * torch.randn_like(output)).sum() for output in differentiable).backward()
    assert [name for name, p in parameters.items() if p.grad is None] == []
    assert all(torch.isfinite(p.grad).all() for p in parameters.values())
    assert sum(float(p.grad.abs().sum()) for p in parameters.values()) > 0 or not parameters


def assert_same(case: Case, first: nn.Module, second: nn.Module) -> None:
    for a, b in zip(predict(case, first), predict(case, second), strict=True):
        assert torch.equal(a, b)


def test_state_dict_round_trip(case):
    module, other = build(case, seed=0), build(case, seed=1)
    run(case, module.train())  # statistics other than the initial ones
    other.load_state_dict(module.state_dict(), strict=True)
    assert_same(case, module, other)


@pytest.mark.parametrize('duplicate', [copy.deepcopy, lambda module: pickle.loads(pickle.dumps(module))],
                         ids=['deepcopy', 'pickle'])
def test_copies_are_equal_and_independent(case, duplicate):
    module = build(case)
    again = duplicate(module)
    assert_same(case, module, again)
    before = predict(case, module)
    with torch.no_grad():
        for parameter in again.parameters():
            parameter.add_(1)
    assert all(torch.equal(a, b) for a, b in zip(before, predict(case, module), strict=True))
