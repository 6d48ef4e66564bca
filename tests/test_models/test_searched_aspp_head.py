"""RUAS's segmentor: DeepLabV3+ whose atrous pyramid is searched, alone and behind a scene module."""
import pytest
import torch
from mmengine.config import Config, ConfigDict
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from torch import nn

from mmfusenas.models.cells.searched_conv import OPERATORS_RUAS_TASK
from mmfusenas.nas import Choice, SearchSpace
from mmfusenas.registry import MODELS

pytest.importorskip('mmseg')
from mmseg.models.decode_heads import DepthwiseSeparableASPPHead  # noqa: E402
from mmseg.models.decode_heads.aspp_head import ASPPModule  # noqa: E402
from mmseg.structures import SegDataSample  # noqa: E402

from mmfusenas.models.decode_heads import SearchedASPPHead  # noqa: E402

FEW = ('c_1', 'c_3', 'c_3d2')
SHAPES = dict(in_channels=16, in_index=1, channels=6, c1_in_channels=8, c1_channels=4, num_classes=5,
              norm_cfg=dict(type='BN'), dropout_ratio=0.0)
STOCK_LOSS = dict(loss_decode=dict(type='mmseg.CrossEntropyLoss'))


@pytest.fixture(autouse=True)
def scope():
    init_default_scope('mmfusenas')


def head(seed=0, **options):
    torch.manual_seed(seed)
    return SearchedASPPHead(**{**SHAPES, **options})


def features():
    return [torch.rand(2, 8, 16, 21), torch.rand(2, 16, 4, 6)]


def segmentor(**options):
    task = dict(
        _scope_='mmseg', type='EncoderDecoder',
        data_preprocessor=dict(type='SegDataPreProcessor', mean=[127.0] * 3, std=[128.0] * 3, size_divisor=32),
        backbone=dict(type='ResNet', depth=18, base_channels=4, stem_channels=4),
        decode_head=dict(type='mmfusenas.SearchedASPPHead', in_index=3, channels=6, c1_in_channels=4, c1_channels=4,
                         num_classes=3, norm_cfg=dict(type='BN'), operators=FEW, **options),
        train_cfg={}, test_cfg=dict(mode='whole'))
    torch.manual_seed(0)
    return MODELS.build(ConfigDict(
        type='TaskGuidedSegmentor', scene=dict(type='FixedFusion', rule='average'), task=task))


def batch(height=70, width=83, number=2):
    samples = []
    for _ in range(number):
        sample = SegDataSample(metainfo=dict(img_shape=(height, width), ori_shape=(height, width)))
        sample.gt_sem_seg = PixelData(data=torch.randint(3, (1, height, width)))
        samples.append(sample)
    inputs = dict(visible=torch.rand(number, 3, height, width), infrared=torch.rand(number, 1, height, width))
    return inputs, samples


def test_deeplabs_own_pyramid_is_a_point_of_the_space(randomise):
    rates = dict(zip((f'aspp_modules.{i}.conv' for i in range(4)), ('c_1', 'c_3d6', 'c_3d12', 'c_3d18')))
    ours = randomise(head(genotype=dict(choices=rates)))
    # The stock head with our weights, and DeepLabV3's pyramid in the place of the separable one.
    stock = DepthwiseSeparableASPPHead(**SHAPES, **STOCK_LOSS)
    stock.aspp_modules = ASPPModule((1, 6, 12, 18), 16, 6, None, dict(type='BN'), dict(type='ReLU'))
    for branch in ours.aspp_modules:
        nn.init.zeros_(branch.conv.bias)  # there a convolution before a norm has none
    missing, extra = stock.double().eval().load_state_dict(
        {name.replace('.norm.', '.bn.'): value for name, value in ours.state_dict().items()}, strict=False)
    assert not missing and extra == [f'aspp_modules.{i}.conv.bias' for i in range(4)]
    inputs = [x.double() for x in features()]
    assert torch.allclose(ours(inputs), stock(inputs), atol=1e-8)


def test_every_branch_is_one_choice_with_norm_and_activation():
    net = head()
    space = SearchSpace(net)
    assert list(space.choices) == [f'aspp_modules.{i}.conv' for i in range(4)]
    assert all(choice.candidates == OPERATORS_RUAS_TASK for choice in space.choices.values())
    assert [type(layer) for layer in net.aspp_modules[0]] == [Choice, nn.BatchNorm2d, nn.ReLU]
    fewer = head(dilations=(1, 12), norm_cfg=None, act_cfg=dict(type='LeakyReLU'), operators=FEW)
    assert list(SearchSpace(fewer).choices) == ['aspp_modules.0.conv', 'aspp_modules.1.conv']
    assert [type(layer) for layer in fewer.aspp_modules[1]] == [Choice, nn.LeakyReLU]
    SearchSpace(fewer).relax()
    assert fewer(features()).shape == (2, 5, 16, 21)


def test_every_choice_has_a_gradient_through_the_loss_of_the_segmentor():
    model = segmentor()
    space = SearchSpace(model)
    space.relax()
    alphas = [alpha.requires_grad_() for alpha in space.alphas().values()]
    losses = model(*batch(), mode='loss')
    assert set(losses) == {'decode.loss_ce', 'decode.acc_seg'}
    gradients = torch.autograd.grad(losses['decode.loss_ce'], alphas, retain_graph=True)
    assert len(gradients) == 4
    assert all(torch.isfinite(gradient).all() and (gradient != 0).all() for gradient in gradients)
    losses['decode.loss_ce'].backward()
    assert model.task.backbone.conv1.weight.grad.any()


def test_derived_head_equals_the_supernet_with_those_choices(tmp_path):
    model = segmentor().eval()
    space = SearchSpace(model)
    space.select(space.sample(torch.Generator().manual_seed(0)))
    genotype = space.genotype()
    assert len(set(genotype.choices.values())) > 1
    genotype.save(tmp_path / 'found.json')
    derived = space.derive(genotype)
    rebuilt = segmentor(genotype=f'{tmp_path}/found.json#task.decode_head').eval()
    rebuilt.load_state_dict(derived.state_dict())
    inputs, samples = batch()
    with torch.no_grad():
        wanted = model(inputs, samples, mode='predict')
        for network in (derived, rebuilt):
            assert not any(isinstance(module, Choice) for module in network.modules())
            for got, sample in zip(network(inputs, samples, mode='predict'), wanted, strict=True):
                assert got.pred_sem_seg.data.shape == (1, 70, 83)
                assert torch.allclose(got.seg_logits.data, sample.seg_logits.data, atol=1e-5)


def test_loss_falls():
    model = segmentor(genotype=dict(choices={f'aspp_modules.{i}.conv': 'c_3d2' for i in range(4)}))
    inputs, samples = batch()
    for i, sample in enumerate(samples):
        sample.gt_sem_seg.data[:] = i  # one class an image
    optimizer, values = torch.optim.Adam(model.parameters(), 1e-2), []
    for _ in range(10):
        optimizer.zero_grad()
        values.append(model(inputs, samples, mode='loss')['decode.loss_ce'])
        values[-1].backward()
        optimizer.step()
    assert values[-1] < 0.5 * values[0]


def test_a_stock_config_changes_the_type_alone(tmp_path):
    (tmp_path / 'leaf.py').write_text(f"""
_base_ = 'mmseg::_base_/models/deeplabv3plus_r50-d8.py'
norm_cfg = dict(type='BN')
model = dict(
    _scope_='mmseg',
    pretrained=None,
    backbone=dict(depth=18, base_channels=4, stem_channels=4, norm_cfg=norm_cfg, type='ResNet', contract_dilation=False,
                  strides=(1, 2, 2, 2), dilations=(1, 1, 1, 1)),
    auxiliary_head=None,
    decode_head=dict(type='mmfusenas.SearchedASPPHead', in_channels=32, c1_in_channels=4, channels=6, c1_channels=4,
                     norm_cfg=norm_cfg, operators={FEW}))
""")
    model = MODELS.build(Config.fromfile(tmp_path / 'leaf.py').model)
    assert len(SearchSpace(model)) == 4  # (1, 12, 24, 36) there
    SearchSpace(model).relax()
    assert model(torch.rand(2, 3, 64, 64), mode='tensor').shape == (2, 19, 16, 16)


def test_bad_use_is_named():
    with pytest.raises(ValueError, match="'rc_3' cannot stand where 16 channels become 6"):
        head(operators=('c_3', 'rc_3'))
    with pytest.raises(ValueError, match="does not decide 'aspp_modules.1.conv'"):
        head(operators=FEW, genotype=dict(choices={'aspp_modules.0.conv': 'c_1'}))
    with pytest.raises(RuntimeError, match='neither relaxed nor fixed'):
        head()(features())
