"""From packed pairs to a batch: scale, padding, and what is refused."""
import pickle

import cv2
import numpy as np
import pytest
import torch
from mmengine.dataset import Compose, pseudo_collate
from mmengine.registry import DefaultScope

from mmfusenas.apis import FusionInferencer
from mmfusenas.models.data_preprocessors import GuidedDataPreprocessor, PairDataPreprocessor
from mmfusenas.models.scene import FixedFusion
from mmfusenas.registry import MODELS
from mmfusenas.structures import FusionDataSample


def batch(*sizes, dtype=torch.uint8, dtype2=torch.uint8, fill=255, fill2=255):
    samples = [
        FusionDataSample(metainfo=dict(img_path=f'vi/{i}.png', infrared_path=f'ir/{i}.png', img_shape=size))
        for i, size in enumerate(sizes)
    ]
    inputs = dict(
        visible=[torch.full((3, *size), fill).to(dtype) for size in sizes],
        infrared=[torch.full((1, *size), fill2).to(dtype2) for size in sizes])
    return dict(inputs=inputs, data_samples=samples)


def test_each_depth_is_scaled_by_its_own_range():
    data = batch((4, 6), dtype2=torch.uint16, fill=51, fill2=13107)
    out = MODELS.build(dict(type='PairDataPreprocessor'))(data)['inputs']
    assert out['visible'].shape == (1, 3, 4, 6) and out['infrared'].shape == (1, 1, 4, 6)
    for image in out.values():
        assert image.dtype == torch.float32
        torch.testing.assert_close(image, torch.full_like(image, 0.2))


@pytest.mark.parametrize('dtype, largest', [(torch.uint8, 255), (torch.uint16, 65535)])
def test_every_value_of_a_depth_is_told_apart(dtype, largest):
    values = torch.arange(largest + 1).to(dtype).reshape(1, 1, -1)
    data = dict(inputs=dict(visible=[values.expand(3, -1, -1)], infrared=[values]))
    out = PairDataPreprocessor()(data)['inputs']['infrared'].flatten()
    assert out[0] == 0 and out[-1] == 1 and (out[1:] > out[:-1]).all()


def test_bit_depth_says_how_many_bits_the_files_hold():
    data = batch((4, 6), dtype2=torch.uint16, fill2=2 ** 14 - 1)
    assert PairDataPreprocessor(bit_depth=dict(infrared=14))(data)['inputs']['infrared'].unique().tolist() == [1.0]


def test_raw_counts_of_16_bit_files_are_said_once_a_sensor(recwarn):
    preprocessor, data = PairDataPreprocessor(), batch((4, 6), dtype2=torch.uint16)

    def warned(low, high, dtype=torch.uint16):
        data['inputs']['infrared'] = [torch.linspace(low, high, 24).reshape(1, 4, 6).to(dtype)]
        preprocessor(data)
        messages = [str(warning.message) for warning in recwarn]
        recwarn.clear()
        return messages

    assert warned(1000, 1000 + 13107 + 10) == []  # a fifth of the range
    assert warned(0, 20, torch.uint8) == []  # a night
    message, = warned(29315, 31315)  # kelvin in hundredths
    assert 'infrared image ir/0.png holds 29315 to 31315, 3.1% of the range to 65535' in message
    assert 'bit_depth=dict(infrared=BITS)' in message
    assert warned(29315, 31315) == []
    preprocessor = PairDataPreprocessor(bit_depth=dict(infrared=14))
    assert warned(1000, 5000) == []
    assert '12.2% of the range to 16383' in warned(1000, 3000)[0]


def test_a_field_of_displacements_is_no_image():
    flow = torch.full((2, 4, 6), -3.5)
    data = dict(inputs=dict(visible=[torch.zeros(3, 4, 6, dtype=torch.uint8)], flow=[flow]))
    assert torch.equal(PairDataPreprocessor()(data)['inputs']['flow'][0], flow)
    data['inputs']['flow'] = [flow / 0]
    with pytest.raises(ValueError, match='NaN or infinity in the flow'):
        PairDataPreprocessor()(data)


def test_the_aligned_image_has_the_depth_of_its_sensor():
    data = batch((4, 6), dtype2=torch.uint16, fill2=2 ** 14 - 1)
    data['inputs']['aligned'] = data['inputs']['infrared']
    assert PairDataPreprocessor(bit_depth=dict(infrared=14))(data)['inputs']['aligned'].unique().tolist() == [1.0]


def test_values_beyond_the_bit_depth_are_refused():
    with pytest.raises(ValueError, match=r'infrared image ir/0\.png reaches 16384.*bit_depth'):
        PairDataPreprocessor(bit_depth=dict(infrared=14))(batch((4, 6), dtype2=torch.uint16, fill2=2 ** 14))


def test_bit_depth_of_an_unknown_sensor_is_refused():
    with pytest.raises(ValueError, match=r"bit_depth names \['thermal'\]; the inputs are \['infrared', 'visible'\]"):
        PairDataPreprocessor(bit_depth=dict(thermal=14))(batch((4, 6)))


def test_floats_count_as_255_and_are_clamped():
    data = batch((4, 6), dtype=torch.float32, fill=300.0, fill2=128)
    data['inputs']['visible'][0][0] = 51.0
    data['inputs']['visible'][0][1] = -4.0
    out = PairDataPreprocessor()(data)['inputs']['visible']
    torch.testing.assert_close(out[0, :, 0, 0], torch.tensor([0.2, 0.0, 1.0]))


def test_floats_of_another_range_are_refused():
    with pytest.raises(ValueError, match=r'visible image vi/0\.png reaches 30000.*bit_depth=dict\(visible=16\)'):
        PairDataPreprocessor()(batch((4, 6), dtype=torch.float32, fill=30000.0))


@pytest.mark.parametrize('low, high, bits', [(250, 330, None), (-5, 30, None), (0, 510, None), (-1, 900, 10),
                                             (0, 1100, 10)])
def test_files_of_floats_of_another_unit_are_refused(tmp_path, low, high, bits):
    """Kelvin would become white and negative degrees black; what photometric transforms leave is another matter."""
    cv2.imwrite(str(tmp_path / 'vi.png'), np.zeros((4, 6, 3), np.uint8))
    cv2.imwrite(str(tmp_path / 'ir.tif'), np.linspace(low, high, 24, dtype=np.float32).reshape(4, 6))
    paths = dict(img_path=str(tmp_path / 'vi.png'), infrared_path=str(tmp_path / 'ir.tif'))
    with DefaultScope.overwrite_default_scope('mmfusenas'):
        packed = Compose([dict(type='LoadPairFromFile'), dict(type='PackPairInputs')])(dict(paths))
    bit_depth = bits and dict(infrared=bits)
    with pytest.raises(ValueError, match=rf'infrared image .*ir\.tif holds floating point from {low} to {high}; '):
        PairDataPreprocessor(bit_depth=bit_depth)(pseudo_collate([packed]), training=True)
    with pytest.raises(ValueError, match='holds floating point from'):
        infrared = cv2.imread(paths['infrared_path'], cv2.IMREAD_UNCHANGED)
        preprocessor = dict(type='mmfusenas.PairDataPreprocessor', bit_depth=bit_depth)
        FusionInferencer(FixedFusion('average', preprocessor))(paths['img_path'], infrared)
    cv2.imwrite(str(tmp_path / 'ir.tif'), np.linspace(0, 255, 24, dtype=np.float32).reshape(4, 6))
    with DefaultScope.overwrite_default_scope('mmfusenas'):
        packed = Compose([dict(type='LoadPairFromFile'), dict(type='PackPairInputs')])(dict(paths))
    assert PairDataPreprocessor()(pseudo_collate([packed]))['inputs']['infrared'].max() == 1


@pytest.mark.parametrize('bad', [float('nan'), float('inf')])
@pytest.mark.parametrize('name, file', [('visible', 'vi/1.png'), ('infrared', 'ir/1.png')])
def test_nan_names_the_file(name, file, bad):
    data = batch((4, 6), (4, 6), dtype=torch.float32, dtype2=torch.float32)
    data['inputs'][name][1][0, 2, 3] = bad
    with pytest.raises(ValueError, match=f'NaN or infinity in the {name} image {file}'):
        PairDataPreprocessor()(data)


def lowlight(*sizes, dtype=torch.uint8, fill=255):
    """A batch of one sensor with references."""
    data = batch(*sizes)
    data['inputs'] = dict(
        visible=data['inputs']['visible'], reference=[torch.full((3, *size), fill).to(dtype) for size in sizes])
    for i, sample in enumerate(data['data_samples']):
        sample.set_metainfo(dict(reference_path=f'gt/{i}.png'))
    return data


def test_one_sensor_needs_no_infrared_image():
    data = batch((4, 6), (4, 6), fill=51)
    del data['inputs']['infrared']
    out = PairDataPreprocessor()(data)
    assert list(out['inputs']) == ['visible'] and len(out['data_samples']) == 2
    torch.testing.assert_close(out['inputs']['visible'], torch.full((2, 3, 4, 6), 0.2))


@pytest.mark.parametrize('dtype, fill', [(torch.uint8, 51), (torch.uint16, 13107), (torch.float32, 51.0)])
def test_a_reference_is_scaled_by_its_own_depth_and_padded(dtype, fill):
    out = PairDataPreprocessor()(lowlight((4, 10), (7, 6), dtype=dtype, fill=fill))['inputs']
    assert out['visible'].shape == out['reference'].shape == (2, 3, 7, 10)
    torch.testing.assert_close(out['reference'][0, :, :4], torch.full((3, 4, 10), 0.2))
    assert out['reference'][0, :, 4:].max() == out['reference'][1, :, :, 6:].max() == 0


def test_a_bad_reference_names_its_file():
    data = lowlight((4, 6), (4, 6), dtype=torch.float32)
    data['inputs']['reference'][1][0, 2, 3] = float('nan')
    with pytest.raises(ValueError, match=r'NaN.*reference image gt/1\.png'):
        PairDataPreprocessor()(data)
    with pytest.raises(ValueError, match=r'reference image gt/0\.png reaches 4096.*bit_depth=dict\(reference=16\)'):
        PairDataPreprocessor(bit_depth=dict(reference=12))(lowlight((4, 6), dtype=torch.uint16, fill=4096))
    data = lowlight((4, 6))
    data['inputs']['reference'][0] = torch.zeros(3, 4, 5, dtype=torch.uint8)
    with pytest.raises(ValueError, match=r'\(4, 6\).*\(4, 5\).*visible vi/0\.png, reference gt/0\.png'):
        PairDataPreprocessor()(data)


def test_the_depth_of_references_may_be_given_where_a_set_has_none():
    data = batch((4, 6))
    assert 'visible' in PairDataPreprocessor(bit_depth=dict(reference=12))(data)['inputs']
    out = PairDataPreprocessor(bit_depth=dict(reference=12))(lowlight((4, 6), dtype=torch.uint16, fill=4095))
    assert out['inputs']['reference'].unique().tolist() == [1.0]


@pytest.mark.parametrize('stacked', [False, True])
def test_a_list_of_images_is_what_one_sensor_sees(stacked):
    images = [torch.full((3, 4, 6), 255, dtype=torch.uint8)] * 2
    out = PairDataPreprocessor()(dict(inputs=torch.stack(images) if stacked else images))
    assert list(out['inputs']) == ['visible'] and out['inputs']['visible'].shape == (2, 3, 4, 6)
    assert out['inputs']['visible'].min() == 1
    bad = torch.full((3, 4, 6), float('nan'))
    with pytest.raises(ValueError, match=r'visible image vi/0\.png'):
        PairDataPreprocessor()(dict(inputs=[bad], data_samples=batch((4, 6))['data_samples']))


@pytest.mark.parametrize('package, pack', [('mmdet', 'mmdet.PackDetInputs'), ('mmseg', 'mmseg.PackSegInputs')])
def test_stock_pipelines_serve_in_front_of_one_sensor(tmp_path, package, pack):
    pytest.importorskip(package)
    path = str(tmp_path / 'a.png')
    cv2.imwrite(path, np.full((20, 30, 3), 51, np.uint8))
    with DefaultScope.overwrite_default_scope('mmfusenas'):
        pipeline = Compose([dict(type='LoadImageFromFile'), dict(type='Resize', scale=(15, 10)), dict(type=pack)])
    out = PairDataPreprocessor()(pseudo_collate([pipeline(dict(img_path=path, img_id=0)) for _ in range(2)]))
    torch.testing.assert_close(out['inputs']['visible'], torch.full((2, 3, 10, 15), 0.2))
    assert out['data_samples'][1].img_shape == (10, 15)


def test_mixed_sizes_are_padded_right_and_below_to_the_largest_only():
    data = batch((4, 10), (7, 6))
    out = PairDataPreprocessor()(data)
    assert out['inputs']['visible'].shape == (2, 3, 7, 10) and out['inputs']['infrared'].shape == (2, 1, 7, 10)
    for image, sample in zip(out['inputs']['infrared'], out['data_samples']):
        h, w = sample.img_shape
        assert (image[:, :h, :w] == 1).all() and image.sum() == h * w


def test_sizes_that_differ_within_a_pair_are_refused():
    data = batch((4, 6), (4, 6))
    data['inputs']['infrared'][1] = torch.zeros(1, 4, 5, dtype=torch.uint8)
    with pytest.raises(ValueError, match=r'\(4, 6\).*\(4, 5\).*vi/1\.png.*ir/1\.png.*resize in LoadPairFromFile'):
        PairDataPreprocessor()(data)


def test_works_without_data_samples_and_on_stacked_tensors():
    inputs = dict(visible=torch.full((2, 3, 4, 6), 255).byte(), infrared=torch.zeros(2, 1, 4, 6).byte())
    out = PairDataPreprocessor()(dict(inputs=inputs))
    assert out['data_samples'] is None and out['inputs']['visible'].shape == (2, 3, 4, 6)
    with pytest.raises(ValueError, match='number 1 of the batch'):
        PairDataPreprocessor()(dict(inputs=dict(visible=torch.tensor([0.0, float('nan')]).reshape(2, 1, 1, 1))))


def test_the_given_batch_is_left_alone_and_the_module_pickles():
    data = batch((4, 6), dtype=torch.float32, fill=400.0)
    pickle.loads(pickle.dumps(PairDataPreprocessor(bit_depth=dict(visible=8))))(data)
    assert data['inputs']['visible'][0].max() == 400


def test_the_depth_of_a_target_is_none_of_the_guided_preprocessor():
    assert GuidedDataPreprocessor(dict(guide=11)).bit_depth == dict(guide=11)
    with pytest.raises(ValueError, match='guide.*value_range.*DegradeTarget'):
        GuidedDataPreprocessor(dict(infrared=14))
