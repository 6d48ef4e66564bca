"""Systems of one sensor: an image alone, or with a clean reference, from the files to the batch."""
import cv2
import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate

from mmfusenas.datasets import MSRSDataset, PairDataset, PairSegDataset, YOLOPairDataset
from mmfusenas.datasets.images import ImageError
from mmfusenas.datasets.problems import DatasetError
from mmfusenas.datasets.transforms import LoadPairFromFile, PackPairDetInputs, PackPairInputs, RandomDeformation
from mmfusenas.models.data_preprocessors import PairDataPreprocessor

IMAGE, REFERENCED = dict(img='vi'), dict(img='vi', reference='reference')


@pytest.fixture
def referenced(pairs, make_image):
    """The pairs with a reference in ``reference`` for each."""
    (pairs / 'reference').mkdir()
    for number in range(4):
        cv2.imwrite(str(pairs / f'reference/{number:03d}.png'), make_image(200 + number, (24, 32), 3))
    return pairs


def names(info):
    return {key: '/'.join(value.split('/')[-2:]) for key, value in info.items() if key.endswith('path')}


# Data sets

@pytest.mark.parametrize('prefix, found', [
    (IMAGE, dict(img_path='vi/003.png')),
    (dict(IMAGE, infrared='ir'), dict(img_path='vi/003.png', infrared_path='ir/003.png')),
    (REFERENCED, dict(img_path='vi/003.png', reference_path='reference/003.png')),
    (dict(REFERENCED, infrared='ir'),
     dict(img_path='vi/003.png', infrared_path='ir/003.png', reference_path='reference/003.png')),
])
def test_a_sample_is_what_data_prefix_names(referenced, prefix, found):
    dataset = PairDataset(data_root=str(referenced), data_prefix=prefix)
    assert len(dataset) == 4
    info = dataset[3]
    assert {key: value.removeprefix(f'{referenced}/') for key, value in info.items()
            if key.endswith('path')} == found
    assert info['img_id'] == 3


def test_a_folder_of_images_is_a_set(pairs):
    dataset = PairDataset(data_root=str(pairs / 'vi'), data_prefix=dict(img=''), filter_cfg=dict(min_size=20))
    assert [info['img_path'] for info in dataset] == [str(pairs / f'vi/{k:03d}.png') for k in range(4)]
    assert all(set(info) == {'img_id', 'img_path', 'sample_idx'} for info in dataset)


def test_splits_folds_patterns_and_boxes_work_as_for_pairs(pairs):
    def stems(**kwargs):
        dataset = YOLOPairDataset(data_root=str(pairs), metainfo=dict(classes=('person', 'car')), **kwargs)
        return [info['img_path'][-7:-4] for info in dataset], [len(info['instances']) for info in dataset]

    both, one = dict(img='vi', infrared='ir', ann='labels'), dict(img='vi', ann='labels')
    (pairs / 'train.txt').write_text('003\n001\n')
    for prefix in (both, one):
        assert stems(data_prefix=prefix) == (['000', '001', '002', '003'], [0, 1, 2, 1])
        assert stems(data_prefix=prefix, split='train.txt') == (['003', '001'], [1, 1])
        assert stems(data_prefix=prefix, every_nth=(1, 2)) == (['001', '003'], [1, 1])
        assert stems(data_prefix=prefix, stems='*[12]', filter_cfg=dict(filter_empty_gt=True)) == (
            ['001', '002'], [1, 2])
        assert stems(data_prefix=prefix, split='train.txt', stems='*3') == (['003'], [1])


def test_images_are_in_the_order_of_the_pairs(tmp_path):
    for folder in ('vi', 'ir'):
        (tmp_path / folder).mkdir()
        for name in ('a-1.png', 'a.png', 'a0.jpg'):
            (tmp_path / folder / name).touch()
    orders = [[info['img_path'] for info in PairDataset(data_root=str(tmp_path), data_prefix=prefix)]
              for prefix in (IMAGE, dict(img='vi', infrared='ir'))]
    assert orders[0] == orders[1] and len(orders[0]) == 3


def test_a_list_of_images_and_lists_with_references(referenced):
    (referenced / 'a.txt').write_text('vi/002.png\nvi/000.png\n')
    (referenced / 'b.txt').write_text('reference/001.png\nreference/003.png\n')
    alone = PairDataset(data_root=str(referenced), data_prefix=dict(img='a.txt'))
    assert [names(info) for info in alone] == [dict(img_path='vi/002.png'), dict(img_path='vi/000.png')]
    both = PairDataset(data_root=str(referenced), data_prefix=dict(img='a.txt', reference='b.txt'))
    assert [names(info) for info in both] == [
        dict(img_path='vi/002.png', reference_path='reference/001.png'),
        dict(img_path='vi/000.png', reference_path='reference/003.png')]
    (referenced / 'a.txt').write_text('vi/9.png\n')
    with pytest.raises(DatasetError, match=r'missing file \(1\):\n  vi/9\.png'):
        PairDataset(data_root=str(referenced), data_prefix=dict(img='a.txt'))


def test_what_has_no_reference_is_listed_once(referenced):
    (referenced / 'reference/001.png').unlink()
    (referenced / 'ir/002.png').unlink()
    (referenced / 'vi/001.jpg').write_bytes(b'')
    infos, problems = PairDataset(
        data_root=str(referenced), data_prefix=dict(REFERENCED, infrared='ir'), lazy_init=True).scan()
    assert [info['img_path'][-7:] for info in infos] == ['000.png', '003.png']
    assert sorted((problem.kind, problem.where[-10:]) for problem in problems) == [
        ('image without a partner', 'vi/001.jpg'), ('image without a partner', 'vi/002.png'),
        ('two images of one stem', 'vi/001.png')]
    with pytest.raises(DatasetError, match=r"001\.jpg: no image of the stem '001' in .*reference"):
        PairDataset(data_root=str(referenced), data_prefix=REFERENCED)


@pytest.mark.parametrize('build, prefix, message', [
    (PairDataset, dict(reference='reference'),
     r"needs \['img'\] and may have \['aligned', 'infrared', 'reference', 'target'\], got \['reference'\]"),
    (PairDataset, dict(img='vi', ann='labels'), r"got \['ann', 'img'\]"),
    (PairSegDataset, dict(img='vi'), r"needs \['img', 'seg'\]"),
])
def test_folders_that_a_set_cannot_do_with(build, prefix, message):
    with pytest.raises(ValueError, match=message):
        build(data_prefix=prefix)


@pytest.mark.parametrize('kwargs, message', [
    (dict(data_prefix=dict(img='empty')), r'no images \(1\):\n.*empty: no image here'),
    (dict(data_prefix=dict(img='nowhere')), 'nowhere does not exist'),
    (dict(data_prefix=IMAGE, split='s.txt'), r'without an image \(1\):\n.*s\.txt: 9: .*vi does not hold it'),
    (dict(data_prefix=IMAGE, stems='*N'), r"stems='\*N' fits none of the 4 stems, such as '000'"),
    (dict(data_prefix=IMAGE, filter_cfg=dict(min_size=1000)), 'no image left of 4'),
])
def test_nothing_to_read_says_where_it_looked(pairs, kwargs, message):
    (pairs / 'empty').mkdir()
    (pairs / 's.txt').write_text('9\n')
    with pytest.raises(DatasetError, match=message):
        PairDataset(data_root=str(pairs), **kwargs)


def test_the_visible_night_frames_of_msrs(shared):
    night = MSRSDataset(data_root=str(shared / 'data/msrs'), stems='*N',
                        data_prefix=dict(img='test/vi', ann='test/labels'))
    assert len(night) == 26 and all(info['img_path'].endswith('N.jpg') for info in night)
    assert any(info['instances'] for info in night)


# Loading

def test_loading_keeps_the_depth_of_each(referenced, make_image):
    deep = make_image(7, (24, 32), 3, np.uint16)
    cv2.imwrite(str(referenced / 'reference/000.png'), deep)
    pipeline = [dict(type='LoadPairFromFile')]
    loaded = PairDataset(data_root=str(referenced), data_prefix=REFERENCED, pipeline=pipeline)[0]
    assert loaded['img'].dtype == np.uint8 and np.array_equal(loaded['img'], make_image(0, (24, 32), 3))
    assert loaded['reference'].dtype == np.uint16 and np.array_equal(loaded['reference'], deep)
    assert 'infrared' not in loaded
    alone = PairDataset(data_root=str(referenced), data_prefix=IMAGE, pipeline=pipeline)[0]
    assert {'infrared', 'reference'}.isdisjoint(alone) and alone['ori_shape'] == alone['img_shape'] == (24, 32)


def test_a_reference_of_another_size_is_an_error_or_resized(tmp_path, make_image):
    paths = dict(img_path=str(tmp_path / 'low.png'), reference_path=str(tmp_path / 'high.png'))
    cv2.imwrite(paths['img_path'], make_image(0, (24, 32), 3))
    cv2.imwrite(paths['reference_path'], np.full((48, 64, 3), 70, np.uint8))
    with pytest.raises(ValueError, match=r"low\.png is 32 x 24, .*high\.png is 64 x 48.*set resize='visible' in"):
        LoadPairFromFile()(dict(paths))
    loaded = LoadPairFromFile(resize='visible')(dict(paths))
    assert loaded['reference'].shape == loaded['img'].shape == (24, 32, 3) and (loaded['reference'] == 70).all()
    with pytest.raises(ValueError, match=r"low\.png.*infrared.*resize='visible'"):
        LoadPairFromFile(resize='infrared')(dict(paths))


def test_a_damaged_reference_is_named(referenced):
    (referenced / 'reference/002.png').write_bytes(b'no image')
    with pytest.raises(ImageError, match=r'reference/002\.png \(8 bytes\) cannot be decoded'):
        PairDataset(data_root=str(referenced), data_prefix=REFERENCED, pipeline=[dict(type='LoadPairFromFile')])[2]


# Packing and batches

def packed(folder, prefix, pack='PackPairInputs', size=None):
    steps = [dict(type='RandomPatch', size=size)] if size else [dict(type='RandomFlip', prob=0.5)]
    pipeline = [dict(type='LoadPairFromFile'), dict(type='JointTransform', transforms=steps), dict(type=pack)]
    return PairDataset(data_root=str(folder), data_prefix=prefix, pipeline=pipeline)


def test_inputs_are_what_the_sample_has(referenced):
    for prefix, inputs in ((IMAGE, ['visible']), (REFERENCED, ['visible', 'reference']),
                           (dict(REFERENCED, infrared='ir'), ['visible', 'infrared', 'reference'])):
        sample = packed(referenced, prefix)[1]
        assert list(sample['inputs']) == inputs and sample['inputs']['visible'].shape == (3, 24, 32)
        meta = sample['data_samples'].metainfo
        for key in ('reference', 'infrared'):
            assert (f'{key}_path' in meta) == (key in prefix)
    assert sample['inputs']['reference'].shape == (3, 24, 32)


@pytest.mark.parametrize('pack', ['PackPairInputs', 'PackPairDetInputs', 'PackPairSegInputs'])
def test_every_packing_takes_one_image_and_a_reference(referenced, pack):
    batch = PairDataPreprocessor()(pseudo_collate(
        [packed(referenced, REFERENCED, pack, size=(16, 20))[index] for index in range(3)]))
    assert {name: tuple(x.shape) for name, x in batch['inputs'].items()} == dict(
        visible=(3, 3, 16, 20), reference=(3, 3, 16, 20))
    last = batch['data_samples'][2]
    assert last.reference_path.endswith('reference/002.png') and 'infrared_path' not in last
    alone = pseudo_collate([packed(referenced, IMAGE, pack)[index] for index in range(2)])
    assert list(PairDataPreprocessor()(alone)['inputs']) == ['visible']


def test_packing_keeps_each_depth(make_image):
    image, reference = make_image(0, (8, 9), 3), make_image(1, (8, 9), 3, np.uint16)
    for pack in (PackPairInputs(), PackPairDetInputs()):
        inputs = pack(dict(img=image.copy(), reference=reference[:, ::-1]))['inputs']
        assert np.array_equal(inputs['visible'].numpy(), image.transpose(2, 0, 1))
        assert inputs['reference'].dtype == torch.uint16
        assert np.array_equal(inputs['reference'].numpy(), reference[:, ::-1].transpose(2, 0, 1))


def test_there_is_no_infrared_image_to_deform(make_image):
    with pytest.raises(ValueError, match=r'there is none of vi/1\.png'):
        RandomDeformation()(dict(img=make_image(0, (8, 9), 3), img_path='vi/1.png', img_id=0))
