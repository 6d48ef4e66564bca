"""Guided super-resolution from files to scores: loading, degradation, model, metric."""
import cv2
import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope
from PIL import Image
from skimage.metrics import structural_similarity
from torchmetrics.functional.image import universal_image_quality_index

from mmfusenas.datasets import PairDataset
from mmfusenas.datasets.images import ImageError
from mmfusenas.datasets.transforms import DegradeTarget, LoadGuidedFromFile
from mmfusenas.datasets.transforms.degrade_target import resize_bicubic
from mmfusenas.engine.hooks.fusion_visualization_hook import panel_image
from mmfusenas.evaluation.metrics import GuidedSRMetric
from mmfusenas.evaluation.metrics.guided_sr_metric import f_measure, universal_quality
from mmfusenas.models.data_preprocessors import GuidedDataPreprocessor
from mmfusenas.models.restorers import GuidedSR
from mmfusenas.registry import TRANSFORMS
from mmfusenas.structures import FusionDataSample

NET = dict(type='GuidedSRNet', genotype='dcnas-tiny-16x', channels=8)
PIPELINE = [dict(type='LoadGuidedFromFile'), dict(type='DegradeTarget', scale=4), dict(type='PackPairInputs')]


def depth(height=37, width=50, seed=0):
    noise = np.random.default_rng(seed).uniform(500, 3000, (height, width)).astype(np.float32)
    return cv2.GaussianBlur(noise, (0, 0), 3)


@pytest.fixture(autouse=True)
def scope():
    init_default_scope('mmfusenas')


@pytest.fixture
def folder(tmp_path):
    """Two samples: depth in millimetres of 16 bit and as an array in metres; colour and grey guidance."""
    for name in ('rgb', 'depth'):
        (tmp_path / name).mkdir()
    for i, stem in enumerate(('01', '02')):
        guidance = np.random.default_rng(i).integers(0, 256, (37, 50, 3), dtype=np.uint8)
        cv2.imwrite(str(tmp_path / f'rgb/{stem}_color.png'), guidance if i == 0 else guidance[..., 0])
    cv2.imwrite(str(tmp_path / 'depth/01_depth.png'), depth().round().astype(np.uint16))
    np.save(tmp_path / 'depth/02_depth.npy', (depth(seed=1) / 1000).astype(np.float64))
    return tmp_path


def dataset(folder, **options):
    return PairDataset(data_root=str(folder), **dict(dict(data_prefix=dict(img='rgb', target='depth'),
                                                          pipeline=PIPELINE), **options))


def test_files_become_guidance_and_target_in_their_own_unit(folder):
    samples = [dataset(folder, pipeline=[dict(type='LoadGuidedFromFile')])[i] for i in range(2)]
    assert [sample['img'].shape for sample in samples] == [(37, 50, 3), (37, 50, 3)]
    assert (samples[1]['img'][..., :1] == samples[1]['img']).all()
    grey = [dataset(folder, pipeline=[dict(type='LoadGuidedFromFile', channels=1)])[i]['img'] for i in range(2)]
    assert [x.shape for x in grey] == [(37, 50, 1)] * 2
    assert samples[0]['target'].dtype == np.float32 and samples[0]['target'].max() > 1000
    np.testing.assert_allclose(samples[1]['target'], depth(seed=1) / 1000, rtol=1e-6)


def test_the_target_is_found_under_its_old_name(folder):
    with pytest.warns(FutureWarning, match='img2 is called infrared'):
        old = dataset(folder, data_prefix=dict(img='rgb', img2='depth'))
    np.testing.assert_array_equal(old[0]['inputs']['target'], dataset(folder)[0]['inputs']['target'])
    guide, target = torch.zeros(1, 3, 4, 6, dtype=torch.uint8), torch.zeros(1, 1, 4, 6)
    with pytest.warns(FutureWarning, match='guidance is called guide'):
        batch = GuidedDataPreprocessor()(dict(inputs=dict(guidance=guide, target=target)))
    assert set(batch['inputs']) == {'guide', 'target'}
    with pytest.warns(FutureWarning, match='visible is called guide'):
        assert GuidedDataPreprocessor(dict(visible=11)).bit_depth == dict(guide=11)


def test_a_real_target_in_low_resolution_is_brought_to_size(folder):
    np.save(folder / 'low.npy', depth()[::2, ::2])
    loaded = LoadGuidedFromFile()(dict(img_path=str(folder / 'rgb/01_color.png'), target_path=str(folder / 'low.npy'),
                                       reference_path=str(folder / 'depth/01_depth.png')))
    np.testing.assert_allclose(loaded['target'], resize_bicubic(depth()[::2, ::2], (37, 50)))
    sample = DegradeTarget()(dict(loaded))
    low, high = sample['target_range']
    assert (low, high) == (depth()[::2, ::2].min(), depth()[::2, ::2].max())  # as the inferencer scales it
    np.testing.assert_array_equal(sample['reference'], loaded['reference'])


def test_bad_files_are_named(folder):
    guidance = str(folder / 'rgb/01_color.png')
    for name, array, message in (('nan', np.full((4, 4), np.nan), 'holds NaN'), ('text', np.array(['a']), 'holds <U1'),
                                 ('large', np.zeros((60, 60)), '60 x 60, its guide .*not the larger one'),
                                 ('turned', np.zeros((16, 12)), 'is 12 x 16, .*is one turned'),
                                 ('bands', np.zeros((12, 16, 4)), 'H x W is wanted')):
        np.save(folder / f'{name}.npy', array)
        with pytest.raises(ImageError, match=f'{name}.npy.*{message}'):
            LoadGuidedFromFile()(dict(img_path=guidance, target_path=str(folder / f'{name}.npy')))
    for name, array in (('share', np.random.rand(37, 50, 3)), ('whole', np.full((37, 50, 3), 2000, np.int32))):
        np.save(folder / f'{name}.npy', array)
        with pytest.raises(ValueError, match=f'{name}.npy are .*give 8 bit'):
            LoadGuidedFromFile()(dict(img_path=str(folder / f'{name}.npy'), target_path=str(folder / 'low.npy')))
    (folder / 'cut.npy').write_bytes(b'\x93NUMPY')
    with pytest.raises(ImageError, match='cut.npy is no array'):
        LoadGuidedFromFile()(dict(img_path=guidance, target_path=str(folder / 'cut.npy')))


def test_degradation_is_pillows_bicubic():
    target = depth(36, 48)
    degrade = DegradeTarget(scale=4)
    sample = degrade(dict(img=np.zeros((36, 48, 3), np.uint8), target=target.copy()))
    down = np.array(Image.fromarray(target).resize((12, 9), Image.Resampling.BICUBIC))
    np.testing.assert_allclose(resize_bicubic(target, (9, 12)), down, rtol=1e-4)
    up = np.array(Image.fromarray(down).resize((48, 36), Image.Resampling.BICUBIC))
    np.testing.assert_allclose(sample['target'], up, rtol=1e-4)
    np.testing.assert_array_equal(sample['reference'], target)
    sample = DegradeTarget(scale=8)(dict(img=np.zeros((37, 50, 3), np.uint8), target=depth()))
    assert sample['img'].shape == (32, 48, 3) and sample['target'].shape == sample['reference'].shape == (32, 48)


def test_ranges_are_of_what_they_say():
    target = depth(32, 32)
    low = resize_bicubic(target, (4, 4))
    img = np.zeros((32, 32, 3), np.uint8)
    assert DegradeTarget(8)(dict(img=img, target=target.copy()))['target_range'] == (low.min(), low.max())
    assert DegradeTarget(8, value_range='reference')(
        dict(img=img, target=target.copy()))['target_range'] == (target.min(), target.max())
    flat = DegradeTarget(8)(dict(img=img, target=np.full((32, 32), 7, np.float32)))
    np.testing.assert_allclose(flat['target_range'], (7, 8), rtol=1e-6)
    np.testing.assert_allclose(flat['target'], 7, rtol=1e-6)


def test_the_preprocessor_scales_by_the_range_of_each_sample():
    inputs = dict(guide=torch.full((2, 3, 4, 6), 255).byte(), target=torch.full((2, 1, 4, 6), 1500.0),
                  reference=torch.full((2, 1, 4, 6), 3500.0))
    samples = [FusionDataSample(metainfo=dict(target_range=ends)) for ends in ((1000.0, 3000.0), (500.0, 1500.0))]
    out = GuidedDataPreprocessor()(dict(inputs=inputs, data_samples=samples))['inputs']
    assert [out[name].flatten(1)[:, 0].tolist() for name in ('guide', 'target', 'reference')] == [
        [1, 1], [0.25, 1], [1.25, 3]]
    assert inputs['target'].max() == 1500  # what came is left alone
    with pytest.raises(ValueError, match='guide and target, as PackPairInputs'):
        GuidedDataPreprocessor()(dict(inputs=[inputs['guide'][0]]))
    assert GuidedDataPreprocessor()(dict(inputs=inputs))['inputs']['target'].max() == 1500  # no range: scaled already


def test_noise_is_as_strong_as_asked_for():
    target = np.tile(np.linspace(0, 255, 256, dtype=np.float32), (256, 1))
    sample = dict(img=np.zeros((256, 256, 3), np.uint8), target=target)
    clean = resize_bicubic(target, (128, 128))
    noisy = DegradeTarget(2, noise=25)._noisy(clean, {})
    assert np.std(noisy - clean) == pytest.approx(25 * np.ptp(clean) / 255, rel=0.05)
    first, second = (DegradeTarget(2, noise=25, seed=3)(dict(sample)) for _ in range(2))
    assert np.array_equal(first['target'], second['target'])
    other = DegradeTarget(2, noise=25, seed=3)(dict(sample, img_id=1))
    assert not np.array_equal(first['target'], other['target'])  # each image has noise of its own
    for options in (dict(value_range='both'), dict(value_range=(5, 5)), dict(noise=-3), dict(scale=2.5)):
        with pytest.raises(ValueError, match='DegradeTarget got scale='):
            DegradeTarget(**dict(dict(scale=2), **options))
    with pytest.raises(ValueError, match='smaller than the scale 64'):
        DegradeTarget(64)(dict(img=np.zeros((32, 80, 3), np.uint8), target=depth(32, 80)))


@pytest.mark.parametrize('net', [None, NET])
def test_from_files_to_scores(folder, net):
    data, model = dataset(folder), GuidedSR(net).eval()
    batch = pseudo_collate([data[0]])
    inputs = model.data_preprocessor(batch)
    losses = model(**inputs, mode='loss')
    with torch.no_grad():
        sample, = model(**inputs, mode='predict')
    truth = depth().round()[:36, :48]
    low, high = sample.target_range
    error = (sample.restored - truth) / (high - low)
    assert float(losses['loss_l1']) == pytest.approx(np.abs(error).mean(), rel=1e-3)
    assert float(losses['rmse']) == pytest.approx(np.sqrt(np.square(error).mean()), rel=1e-3)
    assert sample.restored.shape == (36, 48) and sample.pred_img.shape == (36, 48, 3)
    up = resize_bicubic(resize_bicubic(truth, (9, 12)), (36, 48))
    np.testing.assert_allclose(sample.restored, up, rtol=1e-4)  # an untrained network changes nothing
    metric = GuidedSRMetric(['RMSE', 'MAE', 'PSNR', 'SSIM'], unit=0.1, full_scale=3000, border=2)
    metric.process(batch, [sample.to_dict()])
    scores = metric.evaluate(size=1)
    error = (up - truth)[2:-2, 2:-2]
    rmse = float(np.sqrt(np.mean(error.astype(np.float64) ** 2)))
    assert scores['sr/RMSE'] == pytest.approx(0.1 * rmse, rel=1e-3)
    assert scores['sr/MAE'] == pytest.approx(0.1 * np.abs(error).mean(), rel=1e-3)
    assert scores['sr/PSNR'] == pytest.approx(20 * np.log10(3000 / rmse), rel=1e-3)
    ssim = structural_similarity(*(x[2:-2, 2:-2].astype(float) for x in (up, truth)), data_range=3000,
                                 gaussian_weights=True, use_sample_covariance=False)
    assert scores['sr/SSIM'] == pytest.approx(ssim, rel=1e-3)


def test_the_padding_of_a_batch_counts_in_no_loss():
    model, samples = GuidedSR(None), []
    for height, width in ((64, 64), (32, 48)):
        sample = dict(img=np.zeros((height, width, 3), np.uint8), target=depth(height, width, height))
        samples.append(TRANSFORMS.build(dict(type='PackPairInputs'))(DegradeTarget(4)(sample)))
    each, both = ([model(**model.data_preprocessor(pseudo_collate(part)), mode='loss') for part in parts]
                  for parts in ([[sample] for sample in samples], [samples]))
    for name, value in both[0].items():
        torch.testing.assert_close(value, (each[0][name] + each[1][name]) / 2)


def two_targets():
    """A batch of two targets of 32 x 32, in millimetres: ranges of about one and ten units."""
    samples = []
    for seed, factor in ((0, 1.0), (1, 10.0)):
        sample = dict(img=np.zeros((32, 32, 3), np.uint8), target=factor * depth(32, 32, seed))
        samples.append(TRANSFORMS.build(dict(type='PackPairInputs'))(DegradeTarget(8)(sample)))
    return pseudo_collate(samples)


@pytest.mark.parametrize('unit', [None, 0.001])
@pytest.mark.parametrize('error', ['l1', 'rmse'])
def test_losses_are_of_each_image_in_the_unit_asked_for(error, unit):
    """By hand, of a result that is off by a ramp: mean absolute error of all, root mean square of each."""
    model, batch = GuidedSR(None, unit=unit, error=error), two_targets()
    data = model.data_preprocessor(batch)
    ramp = 0.1 * torch.linspace(-1, 2, 32).expand(2, 1, 32, 32)
    data['inputs']['target'] = data['inputs']['reference'] + ramp
    ranges = torch.tensor([high - low for low, high in (s.target_range for s in data['data_samples'])])
    units = unit * ranges if unit else torch.ones(2)
    got = model(**data, mode='loss')
    roots = units * ramp[0].square().mean().sqrt()
    torch.testing.assert_close(got['rmse'], roots.mean())
    expected = roots.mean() if error == 'rmse' else units.mean() * ramp[0].abs().mean()
    torch.testing.assert_close(got[f'loss_{error}'], expected)
    assert set(got) == {f'loss_{error}', 'rmse', 'ratio'}


def test_the_ratio_counts_every_image_alike():
    """Half of the bicubic error in one image, twice in the other: 1.25, whatever the ranges; nothing to gain: 1."""
    model, batch = GuidedSR(None), two_targets()
    inputs = model.data_preprocessor(batch)['inputs']
    factors = torch.tensor([0.5, 2.0]).view(2, 1, 1, 1)
    images = dict(restored=inputs['reference'] + factors * (inputs['target'] - inputs['reference']))
    torch.testing.assert_close(model.losses(images, inputs)['ratio'], torch.tensor(1.25))
    exact = dict(inputs, target=inputs['reference'])
    assert float(model.losses(images, exact)['ratio']) == 1


def test_the_root_has_a_gradient_where_nothing_is_wrong():
    inputs = dict(target=torch.rand(1, 1, 8, 8), guide=torch.rand(1, 3, 8, 8))
    inputs['reference'] = inputs['target']
    restored = inputs['target'].clone().requires_grad_()
    GuidedSR(None, error='rmse').losses(dict(restored=restored), inputs)['loss_rmse'].backward()
    assert restored.grad.isfinite().all()


def test_an_unknown_error_or_unit_is_refused():
    for options in (dict(error='l2'), dict(unit=0)):
        with pytest.raises(ValueError, match="GuidedSR got error=.*'rmse'"):
            GuidedSR(None, **options)


def test_one_of_several_scales_is_drawn_for_each_image():
    target = depth(64, 80)
    degrade, found = DegradeTarget((4, 8, 16)), set()
    expected = {scale: DegradeTarget(scale)(dict(img=np.zeros((64, 80, 3), np.uint8), target=target.copy()))['target']
                for scale in (4, 8, 16)}
    np.random.seed(0)
    for _ in range(20):
        got = degrade(dict(img=np.zeros((64, 80, 3), np.uint8), target=target.copy()))['target']
        found |= {scale for scale, value in expected.items() if np.array_equal(got, value)}
    assert found == {4, 8, 16}
    with pytest.raises(ValueError, match='or several of these'):
        DegradeTarget((4, 2.5))


def test_a_border_that_leaves_nothing_is_refused():
    sample = dict(restored=np.zeros((16, 20), np.float32))
    with pytest.raises(ValueError, match='border=8.*20 x 16'):
        GuidedSRMetric(border=8).process(dict(inputs=dict(reference=torch.zeros(1, 1, 16, 20))), [sample])


def test_bands_stay_bands_and_three_of_them_are_shown(tmp_path):
    for name in ('pan', 'ms'):
        (tmp_path / name).mkdir()
    bands = np.stack([depth(32, 40, seed) for seed in range(4)], 2)
    np.save(tmp_path / 'pan/1.npy', bands.mean(2).astype(np.uint16))
    np.save(tmp_path / 'ms/1.npy', bands)
    pipeline = [dict(type='LoadGuidedFromFile', bands=True, channels=1),
                dict(type='JointTransform', transforms=[dict(type='RandomFlip', prob=0.0)]),
                dict(type='DegradeTarget', scale=4, value_range=(0, 2047)), dict(type='PackPairInputs')]
    data = dataset(tmp_path, data_prefix=dict(img='pan', target='ms'), pipeline=pipeline)
    model = GuidedSR(dict(NET, target_channels=4, guidance_channels=1), bands=(2, 1, 0),
                     data_preprocessor=dict(type='GuidedDataPreprocessor', bit_depth=dict(visible=11))).eval()
    batch = pseudo_collate([data[0]])
    with torch.no_grad():
        sample, = model(**model.data_preprocessor(batch), mode='predict')
    assert sample.restored.shape == (32, 40, 4)
    shown = (sample.restored[..., :3] / 2047).clip(0, 1) * 255
    assert np.abs(sample.pred_img - shown).max() <= 1
    drawn = panel_image(batch['inputs'], 0, sample, {})
    assert drawn.shape[1] >= 4 * 320 and drawn.dtype == np.uint8  # guidance, target, restored, reference
    metric = GuidedSRMetric(['SAM', 'ERGAS', 'SCC', 'Q'], ratio=4)
    metric.process(batch, [sample.to_dict()])
    scores = metric.evaluate(size=1)
    x, y = sample.restored.reshape(-1, 4).astype(float), bands.reshape(-1, 4).astype(float)
    angles = np.arccos((x * y).sum(1) / np.linalg.norm(x, axis=1) / np.linalg.norm(y, axis=1))
    assert scores['sr/SAM'] == pytest.approx(angles.mean(), rel=1e-3)
    ergas = 100 / 4 * np.sqrt(np.mean(((x - y) ** 2).mean(0) / y.mean(0) ** 2))
    assert scores['sr/ERGAS'] == pytest.approx(ergas, rel=1e-3)


def quality(x, y, **options):
    metric = GuidedSRMetric(['SAM', 'SCC', 'Q', 'F'], **options)
    batch = dict(inputs=dict(reference=[torch.from_numpy(y.transpose(2, 0, 1))]))
    metric.process(batch, [dict(restored=x)])
    return metric.results[0]


def test_spectral_measures_by_hand():
    """Of y = 2 x: no angle, Q = (2 a / (1 + a^2))^2 = 0.64 at every place, SCC = 1; of y = -x, SCC = -1."""
    x = np.stack([depth(40, 48, seed) for seed in range(4)], 2).astype(np.float64)
    same = quality(x, 2 * x)
    assert same['SAM'] == pytest.approx(0, abs=1e-6) and same['SCC'] == pytest.approx(1, abs=1e-3)
    assert same['Q'] == pytest.approx(0.64, abs=1e-6)
    assert quality(x, x.max() - x)['SCC'] == pytest.approx(-1, abs=1e-3)
    right = np.zeros((4, 4, 2))
    right[..., 0] = 1
    turned = right[..., ::-1].copy()
    turned[0], right[0] = 0, 0  # nothing in any band: no angle
    metric = GuidedSRMetric(['SAM'])
    metric.process(dict(inputs=dict(reference=[torch.from_numpy(turned.transpose(2, 0, 1))])),
                   [dict(restored=right)])
    assert metric.results[0]['SAM'] == pytest.approx(np.pi / 2)


def test_the_quality_index_of_flat_areas_compares_brightness():
    generator = torch.Generator().manual_seed(0)
    x, y = 2000 * torch.rand(2, 1, 3, 60, 50, generator=generator, dtype=torch.float64)[:, None]
    x, y = x[0], x[0] * 0.7 + 0.3 * y[0]
    expected = float(universal_image_quality_index(x, y))
    assert float(universal_quality(x, y)) == pytest.approx(expected, abs=1e-9)
    flat = torch.full((1, 1, 20, 20), 5.0, dtype=torch.float64)
    assert float(universal_quality(flat, flat)) == pytest.approx(1)
    assert float(universal_quality(0 * flat, 0 * flat)) == 1
    assert float(universal_quality(flat, 2 * flat)) == pytest.approx(0.8)  # 2 a / (1 + a^2)
    x[..., :40, :40] = y[..., :40, :40] = 1 / 3
    assert expected < float(universal_quality(x, y)) < 1
    with pytest.raises(ValueError, match='at least 11 x 11'):
        universal_quality(x[..., :10], y[..., :10])


def test_joint_transforms_serve_references_of_several_bands():
    flip = TRANSFORMS.build(dict(type='JointTransform', transforms=[dict(type='RandomFlip', prob=1.0)]))
    sample = dict(img=np.zeros((4, 6, 1), np.uint8), target=np.random.rand(4, 6, 5), reference=np.random.rand(4, 6, 5))
    done = flip({key: value.copy() for key, value in sample.items()})
    for key, value in sample.items():
        assert np.array_equal(done[key], value[:, ::-1]), key


def test_f_measure_by_hand():
    saliency, truth = torch.tensor([200.0, 180.0, 10.0, 10.0]), torch.tensor([255.0, 0.0, 255.0, 0.0])
    # mean 100, so 200 alone is salient: precision 1, recall 1/2
    assert float(f_measure(saliency, truth, 255)) == pytest.approx(1.3 * 0.5 / (0.3 + 0.5))
    assert float(f_measure(truth, truth, 255)) == pytest.approx(1)
    assert np.isnan(float(f_measure(torch.zeros(4), torch.zeros(4), 255)))
    assert float(f_measure(torch.zeros(4), truth, 255)) == 0  # nothing found is no hit
    metric = GuidedSRMetric(['F'])
    for truth in (torch.zeros(1, 8, 8), torch.full((1, 8, 8), 255.0)):
        metric.process(dict(inputs=dict(reference=[truth])), [dict(restored=np.eye(8) * 255)])
    assert metric.compute_metrics(metric.results)['F'] == pytest.approx(1.3 * 8 / (0.3 * 64 + 8))


def test_what_is_missing_is_said():
    with pytest.raises(KeyError, match='learns from references'):
        GuidedSR(None)(dict(guide=torch.rand(1, 3, 8, 8), target=torch.rand(1, 1, 8, 8)), mode='loss')
    with pytest.raises(KeyError, match='compares with reference images'):
        GuidedSRMetric().process(dict(inputs=dict(visible=[])), [])
    with pytest.raises(ValueError, match="no 'RSME'.*RMSE"):
        GuidedSRMetric(['RSME'])
