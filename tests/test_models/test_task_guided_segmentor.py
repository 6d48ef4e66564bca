"""Task-guided fusion for segmentation: the wrapper, the searchable decoder, and mmseg untouched behind them."""
import pytest
import torch
from mmengine.config import Config, ConfigDict
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData

from mmfusenas.nas import SearchSpace
from mmfusenas.registry import MODELS

pytest.importorskip('mmseg')
from mmseg.structures import SegDataSample  # noqa: E402

from mmfusenas.models.decode_heads import FeatureDistillationHead  # noqa: E402

OPERATORS = ['conv_1', 'res_3', 'skip']


@pytest.fixture(autouse=True)
def scope():
    init_default_scope('mmfusenas')


def segmentor(**head):
    return dict(
        _scope_='mmseg', type='EncoderDecoder',
        data_preprocessor=dict(type='SegDataPreProcessor', mean=[127.0] * 3, std=[128.0] * 3, size_divisor=32),
        backbone=dict(type='ResNet', depth=18, base_channels=4, stem_channels=4),
        decode_head=dict(type='mmfusenas.FeatureDistillationHead', in_index=[1, 2, 3], channels=8, num_classes=3,
                         norm_cfg=dict(type='BN'), operators=OPERATORS, **head),
        train_cfg={}, test_cfg=dict(mode='whole'))


def model_of(genotype=None, **kwargs):
    torch.manual_seed(0)
    return MODELS.build(ConfigDict(
        type='TaskGuidedSegmentor', task=segmentor(genotype=genotype),
        scene=dict(type='TIMFusion', genotype='tim-light', channels=8, loss=dict(type='FusionLoss')), **kwargs))


def batch(height=70, width=83, number=2, labels=True):
    generator = torch.Generator().manual_seed(1)
    samples = []
    for _ in range(number):
        sample = SegDataSample(metainfo=dict(
            img_shape=(height, width), ori_shape=(height, width), img_path='v', infrared_path='i'))
        if labels:
            classes = torch.randint(3, (1, height, width), generator=generator)
            sample.gt_sem_seg = PixelData(data=classes)
        samples.append(sample)
    inputs = dict(visible=torch.rand(number, 3, height, width, generator=generator),
                  infrared=torch.rand(number, 1, height, width, generator=generator))
    return inputs, samples


def with_grad(model):
    return {name.split('.')[0] for name, p in model.named_parameters() if p.grad is not None and p.grad.abs().sum()}


@pytest.mark.parametrize(('stage', 'trains'), [
    ('scene', {'scene'}), ('joint', {'scene', 'task'}), ('task', {'task'})])
def test_what_trains_in_each_stage(stage, trains):
    model = model_of()
    SearchSpace(model).relax()
    model.train()
    model.stage = stage
    losses = model(*batch(), mode='loss')
    model.parse_losses(losses)[0].backward()
    assert with_grad(model) == trains
    assert {'scene', 'decode'} >= {name.split('.')[0] for name in losses}


@pytest.mark.parametrize(('size', 'warned'), [((512, 1024), 1), ((70, 96), 0)])
def test_a_stock_preprocessor_that_pads_small_images_is_said(size, warned, recwarn):
    model = model_of()
    SearchSpace(model).relax()
    model.stage = 'task'
    model.task.data_preprocessor.size, model.task.data_preprocessor.size_divisor = size, None
    model.train()._task_inputs(batch()[0]['visible'], batch()[1])
    assert len([w for w in recwarn if 'pads training images of 70 x 83 to 512 x 1024' in str(w.message)]) == warned
    model.eval()._task_inputs(batch()[0]['visible'], batch()[1])
    assert len([w for w in recwarn if 'pads training images' in str(w.message)]) == warned


def test_the_task_s_gradient_reaches_the_fusion_network():
    model = model_of()
    SearchSpace(model).relax()
    model.train()
    losses = {name: value for name, value in model(*batch(), mode='loss').items() if name.startswith('decode.loss')}
    assert set(losses) == {'decode.loss_ce', 'decode.loss_ce_coarse'}
    sum(losses.values()).backward()
    assert 'scene' in with_grad(model)


def test_prediction_has_the_size_of_the_image():
    model = model_of(genotype=SearchSpace(model_of()).genotype().part('task.decode_head').to_dict()).eval()
    inputs, samples = batch(labels=False)
    for sample in model(inputs, samples, mode='predict'):
        assert sample.pred_sem_seg.data.shape == (1, 70, 83)
        assert sample.pred_img.shape == (70, 83, 3)


def test_the_segmentor_sees_the_fused_image_as_a_photograph():
    model = model_of(genotype=SearchSpace(model_of()).genotype().part('task.decode_head').to_dict()).eval()
    inputs, samples = batch(64, 96, labels=False)
    with torch.no_grad():
        image = model.scene.images(inputs)['image'].clamp(0, 1) * 255

        def logits(images):
            data = model.task.data_preprocessor(dict(inputs=list(images), data_samples=None))
            coarse = model.task(data['inputs'], mode='tensor')
            assert coarse.shape[-2:] == (8, 12)
            return torch.nn.functional.interpolate(coarse, (64, 96), mode='bilinear')

        got = torch.stack([sample.seg_logits.data for sample in model(inputs, samples, mode='predict')])
        torch.testing.assert_close(got, logits(image))
        for other in (image / 255, image.flip(1), image * 0):  # which the comparison tells apart
            assert (got - logits(other)).abs().max() > 1e-2 * got.abs().max()


def test_decoder_of_the_found_choices_equals_the_supernet():
    torch.manual_seed(0)
    head = FeatureDistillationHead(in_channels=[8, 16, 32], in_index=(0, 1, 2), channels=8, num_classes=5,
                                   norm_cfg=dict(type='BN'), operators=OPERATORS).eval()
    space = SearchSpace(head)
    assert len(space) == 6  # two cells of three edges
    choices = space.sample(torch.Generator().manual_seed(4))
    space.select(choices)
    levels = [torch.rand(2, c, h, w) for c, h, w in ((8, 9, 13), (16, 5, 7), (32, 3, 4))]
    with torch.no_grad():
        expected, got = head(levels), space.derive(space.genotype())(levels)
    assert expected.shape == (2, 5, 9, 13)
    torch.testing.assert_close(got, expected, atol=1e-6, rtol=0)


def test_cells_add_their_input():
    torch.manual_seed(0)
    head = FeatureDistillationHead(in_channels=[8, 16, 32], in_index=(0, 1, 2), channels=8, num_classes=5,
                                   norm_cfg=dict(type='BN'), operators=['skip']).eval()
    SearchSpace(head).relax()
    for cell in head.cells:
        torch.nn.init.zeros_(cell.distill.weight)
        torch.nn.init.zeros_(cell.distill.bias)
    levels = [torch.rand(1, c, s, s) for c, s in ((8, 8), (16, 4), (32, 2))]
    with torch.no_grad():
        middle, fine = head._decode(levels)
        lateral = [conv(x) for conv, x in zip(head.laterals, levels)]
        expected = torch.cat([lateral[1], head.upsamples[0](lateral[2])], 1)
        torch.testing.assert_close(middle, expected)
        torch.testing.assert_close(fine, torch.cat([lateral[0], head.upsamples[1](expected)], 1))


def test_two_levels_are_refused():
    with pytest.raises(ValueError, match='three levels'):
        FeatureDistillationHead(in_channels=[8, 16], in_index=(0, 1), num_classes=5)


def test_another_backbone_is_asked_for_its_channels(root):
    pytest.importorskip('efficientnet_lite_pytorch')
    config = Config.fromfile(root / 'configs/tim/resnet18_ivif.py').model
    config.task.backbone = dict(type='mmfusenas.EfficientNetLite', pretrained=False, out_indices=(1, 2, 3, 4))
    model = MODELS.build(config)
    assert model.task.decode_head.in_channels == [40, 112, 320]
