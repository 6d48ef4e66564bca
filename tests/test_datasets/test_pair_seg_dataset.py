"""Pairs with segmentation maps: MFNet's files of four channels, MSRS, and the drawn scenes."""
import cv2
import numpy as np
import pytest
from mmengine.config import Config
from PIL import Image

from mmfusenas.datasets import MFNetDataset, MSRSSegDataset, PairSegDataset
from mmfusenas.datasets.checks import check_pair
from mmfusenas.datasets.images import ImageError, read_pair
from mmfusenas.datasets.problems import DatasetError
from mmfusenas.datasets.transforms import LoadSegMap
from mmfusenas.registry import DATASETS
from mmfusenas.scenes import SyntheticSegScenes

pytest.importorskip('mmseg')


@pytest.fixture
def mfnet(tmp_path):
    """Two scenes in MFNet's published layout; one lies beside the split."""
    generator = np.random.default_rng(0)
    for folder in ('images', 'labels'):
        (tmp_path / folder).mkdir()
    for stem in ('00001D', '00002N'):
        cv2.imwrite(str(tmp_path / f'images/{stem}.png'), generator.integers(0, 256, (480, 640, 4), np.uint8))
        cv2.imwrite(str(tmp_path / f'labels/{stem}.png'), generator.integers(0, 9, (480, 640), np.uint8))
    for name in ('train', 'test'):
        (tmp_path / f'{name}.txt').write_text('00001D\n')
    return tmp_path


def test_both_images_come_from_the_four_channels(mfnet):
    path = str(mfnet / 'images/00001D.png')
    both = cv2.imread(path, cv2.IMREAD_UNCHANGED)
    visible, infrared = read_pair(path, path)
    assert (visible == both[..., :3]).all() and (infrared == both[..., 3]).all()
    cv2.imwrite(path, both[..., :3])  # an ordinary image that is compared with itself
    visible, infrared = read_pair(path, path)
    assert visible.shape == (480, 640, 3) and infrared.shape == (480, 640)


def test_mfnet_as_published(mfnet, root, monkeypatch):
    monkeypatch.setenv('MFNET_ROOT', str(mfnet))
    config = Config.fromfile(root / 'configs/_base_/datasets/mfnet_seg.py')
    train, test = (DATASETS.build(config[f'{part}_dataloader'].dataset) for part in ('train', 'test'))
    assert len(train) == len(test) == 1 and len(train.metainfo['classes']) == 9
    packed = train[0]
    assert packed['inputs']['visible'].shape == (3, 384, 512) and packed['inputs']['infrared'].shape == (1, 384, 512)
    assert packed['data_samples'].gt_sem_seg.data.shape == (1, 384, 512)
    both = cv2.imread(str(mfnet / 'images/00001D.png'), cv2.IMREAD_UNCHANGED)
    whole = test[0]
    assert (whole['inputs']['infrared'][0].numpy() == both[..., 3]).all()
    labels = cv2.imread(str(mfnet / 'labels/00001D.png'), cv2.IMREAD_UNCHANGED)
    assert (whole['data_samples'].gt_sem_seg.data[0].numpy() == labels).all()
    assert check_pair(train.get_data_info(0), classes=train.metainfo['classes']).problems == []


def test_images_and_map_move_together(mfnet):
    # The map is the infrared image here, so every geometric transform has to keep them equal.
    path = mfnet / 'images/00001D.png'
    both = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    both[..., 3] //= 32
    cv2.imwrite(str(path), both)
    cv2.imwrite(str(mfnet / 'labels/00001D.png'), both[..., 3])
    pipeline = [
        dict(type='LoadPairFromFile'), dict(type='LoadSegMap'),
        dict(type='JointTransform', transforms=[
            dict(type='mmseg.RandomCrop', crop_size=(100, 120)), dict(type='RandomFlip', prob=1.0)]),
        dict(type='PackPairSegInputs')]
    packed = MFNetDataset(data_root=str(mfnet), split='train.txt', pipeline=pipeline)[0]
    assert (packed['inputs']['infrared'] == packed['data_samples'].gt_sem_seg.data).all()
    assert not (packed['inputs']['visible'][0] == packed['inputs']['infrared'][0]).all()


def test_maps_of_every_kind_of_file(tmp_path):
    numbers = np.array([[0, 1, 2], [3, 255, 2]], np.uint8)
    palette = Image.fromarray(numbers, 'P')
    palette.putpalette([7 * k % 256 for k in range(768)])
    palette.save(tmp_path / 'palette.png')
    cv2.imwrite(str(tmp_path / 'grey.png'), numbers)
    cv2.imwrite(str(tmp_path / 'colour.png'), np.repeat(numbers[..., None], 3, 2))
    for name in ('palette', 'grey', 'colour'):
        got = LoadSegMap()(dict(seg_map_path=str(tmp_path / f'{name}.png')))
        assert (got['gt_seg_map'] == numbers).all() and got['seg_fields'] == ['gt_seg_map']
    got = LoadSegMap()(dict(seg_map_path=str(tmp_path / 'grey.png'), label_map={255: 1, 1: 0}))['gt_seg_map']
    assert got.tolist() == [[0, 0, 2], [3, 1, 2]]
    got = LoadSegMap()(dict(seg_map_path=str(tmp_path / 'grey.png'), reduce_zero_label=True))['gt_seg_map']
    assert got.tolist() == [[255, 0, 1], [2, 255, 1]]
    got = LoadSegMap()(dict(seg_map_path=str(tmp_path / 'grey.png'), reduce_zero_label=True, label_map={2: 0, 0: 5}))
    assert got['gt_seg_map'].tolist() == [[255, 5, 1], [0, 255, 1]]  # of the reduced numbers, as mmseg has it


def test_a_map_of_colours_or_none_is_an_error(tmp_path):
    cv2.imwrite(str(tmp_path / 'a.png'), np.random.default_rng(0).integers(0, 9, (4, 5, 3), np.uint8))
    with pytest.raises(ImageError, match='a.png holds colours'):
        LoadSegMap()(dict(seg_map_path=str(tmp_path / 'a.png')))
    (tmp_path / 'b.png').write_bytes(b'none')
    for name in ('b.png', 'c.png'):
        with pytest.raises(ImageError, match=f'{name} cannot be read'):
            LoadSegMap()(dict(seg_map_path=str(tmp_path / name)))


def test_a_training_names_a_map_with_numbers_of_no_class(mfnet):
    pipeline = [dict(type='LoadPairFromFile'), dict(type='LoadSegMap')]
    prefix = dict(img='images', infrared='images', seg='labels')
    options = dict(data_root=str(mfnet), data_prefix=prefix, pipeline=pipeline, max_refetch=0)
    with pytest.raises(ImageError, match=r'00001D.png holds the numbers \[7, 8\], and there are 7 classes.*label_map'):
        PairSegDataset(metainfo=dict(classes=tuple('abcdefg')), **options)[0]
    few = PairSegDataset(metainfo=dict(classes=tuple('abcdefg')), label_map={7: 0, 8: 255}, **options)[0]
    assert set(np.unique(few['gt_seg_map'])) == {*range(7), 255}


def test_halves_share_nothing(mfnet):
    first, second = (MFNetDataset(data_root=str(mfnet), every_nth=(k, 2)) for k in (0, 1))
    stems = [{info['img_path'] for info in part} for part in (first, second)]
    assert len(stems[0]) == len(stems[1]) == 1 and not stems[0] & stems[1]
    with pytest.raises(ValueError, match='every_nth'):
        MFNetDataset(data_root=str(mfnet), every_nth=(2, 2))


def test_msrs_as_published(tmp_path):
    for folder in ('vi', 'ir', 'Segmentation_labels'):
        (tmp_path / 'train' / folder).mkdir(parents=True)
        cv2.imwrite(str(tmp_path / 'train' / folder / '00004N.png'), np.zeros((6, 8), np.uint8))
    info = MSRSSegDataset(data_root=str(tmp_path)).get_data_info(0)
    assert info['seg_map_path'] == str(tmp_path / 'train/Segmentation_labels/00004N.png')


def test_a_missing_map_and_missing_classes_are_errors(mfnet):
    (mfnet / 'labels/00002N.png').unlink()
    with pytest.raises(DatasetError, match='image without segmentation map.*\n.*00002N'):
        MFNetDataset(data_root=str(mfnet))
    with pytest.raises(DatasetError, match='metainfo'):
        PairSegDataset(data_root=str(mfnet), data_prefix=MFNetDataset.PREFIX)


def test_drawn_scenes_have_a_class_for_every_pixel():
    dataset = SyntheticSegScenes(length=2, size=(96, 128), pipeline=[dict(type='PackPairSegInputs')])
    assert len(dataset.metainfo['classes']) == len(dataset.metainfo['palette']) == 11
    for packed in dataset:
        classes = packed['data_samples'].gt_sem_seg.data
        assert classes.shape == (1, 96, 128) and classes.max() < 11 and len(classes.unique()) > 3


def test_maps_are_checked(mfnet):
    dataset = MFNetDataset(data_root=str(mfnet))
    info, classes = dataset.get_data_info(0), dataset.metainfo['classes']
    path = info['seg_map_path']
    assert check_pair(info, classes=classes).problems == []
    fewer, = check_pair(info, classes=classes[:7]).problems
    assert (fewer.level, fewer.kind, fewer.where) == ('error', 'number of no class in a segmentation map', path)
    assert fewer.message.startswith('[7, 8], and there are 7 classes')
    cv2.imwrite(path, np.full((48, 64), 255, np.uint8))  # nothing is known, and the size is another
    smaller, = check_pair(info, classes=classes).problems
    assert smaller.kind == 'segmentation map of another size' and smaller.message.startswith('64 x 48, and ')
    (mfnet / 'labels/00001D.png').write_bytes(b'no image')
    assert [problem.kind for problem in check_pair(info, classes=classes).problems] == ['unreadable segmentation map']
