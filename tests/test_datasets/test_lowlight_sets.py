"""Published sets of dark images: their layouts, and what is wrong with files that are not as published."""
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine.config import Config

from mmfusenas.datasets import (
    ACDCDataset,
    DarkFaceDataset,
    ExDarkDataset,
    FiveKDataset,
    LOLDataset,
    PairDataset,
)
from mmfusenas.datasets.checks import check_pair
from mmfusenas.datasets.problems import DatasetError
from mmfusenas.registry import DATASETS, MODELS


def write(path, size=(24, 32), channels=3, value=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = (*size, channels) if channels else size
    numbers = np.random.default_rng(len(str(path))).integers(0, 256, shape, dtype=np.uint8)
    assert cv2.imwrite(str(path), numbers if value is None else np.full(shape, value, np.uint8))


def stems(dataset):
    return [(info['img_path'].split('/')[-1], info['reference_path'].split('/')[-1]) for info in dataset]


# LOL and FiveK

@pytest.mark.parametrize('release, folders, files', [
    ('v1', ('our485/low', 'our485/high', 'eval15/low', 'eval15/high'), ('{}.png', '{}.png')),
    ('v2-real', ('Real_captured/Train/Low', 'Real_captured/Train/Normal', 'Real_captured/Test/Low',
                 'Real_captured/Test/Normal'), ('low{:05d}.png', 'normal{:05d}.png')),
    ('v2-synthetic', ('Synthetic/Train/Low', 'Synthetic/Train/Normal', 'Synthetic/Test/Low', 'Synthetic/Test/Normal'),
     ('r{:04x}t.png', 'r{:04x}t.png')),
])
def test_lol_as_published(tmp_path, release, folders, files):
    for folder, name, numbers in zip(folders, files * 2, [(1, 11, 100)] * 2 + [(2, 23)] * 2):
        for number in numbers:
            write(tmp_path / folder / name.format(number))
    low, high = files
    train, test = (LOLDataset(release, part, data_root=str(tmp_path)) for part in ('train', 'test'))
    assert sorted(stems(train)) == sorted((low.format(number), high.format(number)) for number in (1, 11, 100))
    assert sorted(stems(test)) == sorted((low.format(number), high.format(number)) for number in (2, 23))
    (tmp_path / 's.txt').write_text(f'{low.format(11)[:-4]}\n')
    assert stems(LOLDataset(release, data_root=str(tmp_path), split='s.txt')) == [(low.format(11), high.format(11))]
    (tmp_path / folders[1] / high.format(11)).unlink()
    with pytest.raises(DatasetError, match=rf'without a partner \(1\):\n.*{low.format(11)}'):
        LOLDataset(release, data_root=str(tmp_path))


@pytest.mark.parametrize('release, part', [('v3', 'train'), ('v1', 'val')])
def test_lol_knows_its_releases_and_parts(release, part):
    with pytest.raises(ValueError, match=f"release='{release}' and subset='{part}'; it knows"):
        LOLDataset(release, part)


def test_the_lol_images_at_hand(shared):
    prefix = dict(img='low', reference='reference')
    dataset = LOLDataset(data_root=str(shared / 'reference/ruas/lol'), data_prefix=prefix,
                         pipeline=[dict(type='LoadPairFromFile')])
    assert len(dataset) == 5
    assert all(sample['img'].mean() < 0.5 * sample['reference'].mean() for sample in dataset)


def test_fivek(tmp_path):
    for folder in ('input', 'expertC', 'expertA'):
        for stem in ('a0001-jmac_DSC1459', 'a0002-dgw_005'):
            write(tmp_path / folder / f'{stem}.png')
    (tmp_path / 'test.txt').write_text('a0002-dgw_005\n')
    assert len(FiveKDataset(data_root=str(tmp_path))) == 2
    prefix = dict(img='input', reference='expertA')
    (info, ) = FiveKDataset(data_root=str(tmp_path), split='test.txt', data_prefix=prefix)
    assert info['reference_path'] == str(tmp_path / 'expertA/a0002-dgw_005.png')


def test_a_folder_of_dark_images(shared):
    folder = shared / 'data/lowlight/unpaired'
    dataset = PairDataset(data_root=str(folder), data_prefix=dict(img=''),
                          pipeline=[dict(type='LoadPairFromFile'), dict(type='PackPairInputs')])
    assert len(dataset) == len(list(folder.iterdir())) > 100 and list(dataset[0]['inputs']) == ['visible']


# DARK FACE

@pytest.fixture
def darkface(tmp_path):
    write(tmp_path / 'image/1.png')
    (tmp_path / 'label').mkdir()
    (tmp_path / 'label/1.txt').write_text('2\n1 2 11 12\n20 3 29 20\n')
    return tmp_path


def test_darkface_trains_on_squares_in_which_a_face_has_the_size_of_an_anchor(darkface, monkeypatch):
    pytest.importorskip('mmdet')
    write(darkface / 'image/1.png', (120, 160))
    (darkface / 'splits').mkdir()
    (darkface / 'splits/train.txt').write_text('1\n')
    monkeypatch.setenv('DARKFACE_ROOT', str(darkface))
    cfg = Config.fromfile(Path(__file__).parents[2] / 'configs/ruas/ssd-darkface.py')
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    widths = []
    for seed in range(20):
        np.random.seed(seed)
        packed = dataset[0]
        assert packed['inputs']['visible'].shape == (3, 640, 640)
        widths += packed['data_samples'].gt_instances.bboxes.widths.tolist()
    assert max(widths) > 20 > 9 > min(widths) > 3  # 10 x 10 in the file: of the anchors 8 and 16, by half to twice
    head = MODELS.build(cfg.model).task.bbox_head
    assert type(head.assigner).__name__ == 'ScaleCompensationAssigner'


def test_darkface_as_published(darkface):
    write(darkface / 'image/2.png')
    (darkface / 'label/2.txt').write_text('0\n')
    dataset = DarkFaceDataset(data_root=str(darkface))
    assert [[item['bbox'] for item in info['instances']] for info in dataset] == [
        [[1, 2, 11, 12], [20, 3, 29, 20]], []]
    assert (dataset[0]['height'], dataset[0]['width']) == (24, 32) and dataset.metainfo['classes'] == ('face', )


@pytest.mark.parametrize('text, message', [
    ('', r'label/1\.txt: the first line is to be the number of faces, got nothing'),
    ('1 2 11 12\n', "number of faces, got '1 2 11 12'"),
    ('3\n1 2 11 12\n', 'says 3 faces, and 1 lines follow; is it cut off'),
    ('1\n1 2 11\n', "line 2: '1 2 11' is not of the form"),
    ('1\n1 2 eleven 12\n', 'line 2: .* is not of the form "x1 y1 x2 y2"'),
    ('1\n11 2 1 12\n', r"line 2: face \(11\.0, .*has no area; correct or remove it, or set bad_boxes='drop'"),
    ('1\n40 2 50 12\n', 'line 2: .*outside the image of 32 x 24'),
])
def test_bad_darkface_files_are_named(darkface, text, message):
    (darkface / 'label/1.txt').write_text(text)
    with pytest.raises(DatasetError, match=message):
        DarkFaceDataset(data_root=str(darkface))


def test_darkface_boxes_can_be_left_out_but_not_lost_lines(darkface):
    (darkface / 'label/1.txt').write_text('3\n11 2 1 12\n1 2 3\n20 3 29 20\n')
    dataset = DarkFaceDataset(data_root=str(darkface), bad_boxes='drop')
    assert [item['bbox'] for item in dataset[0]['instances']] == [[20, 3, 29, 20]]
    (darkface / 'label/1.txt').write_text('3\n20 3 29 20\n')
    with pytest.raises(DatasetError, match='cut off'):
        DarkFaceDataset(data_root=str(darkface), bad_boxes='drop')


# ExDark

LIST = """Name | Class | Light | In/Out | Train/Val/Test
2015_00001.png 1 2 1 1
2015_00002.JPG 1 6 2 2
2015_00653.jpg 2 10 2 3
2015_00654.jpg 2 6 2 3
"""
FILES = ('Bicycle/2015_00001.png', 'Bicycle/2015_00002.JPG', 'Boat/2015_00653.jpg', 'Boat/2015_00654.jpg')


@pytest.fixture
def exdark(tmp_path):
    (tmp_path / 'imageclasslist.txt').write_text(LIST)
    for name in FILES:
        write(tmp_path / 'ExDark' / name)
        path = tmp_path / 'ExDark_Annno' / f'{name}.txt'
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text('% bbGt version=3\nBicycle 2 3 10 12 0 0 0 0 0 0 0\nPeople 4 5 6 7 0 0 0 0 0 1 0\n')
    return tmp_path


def test_exdark_as_published(exdark):
    parts = {part: [info['img_path'].removeprefix(f'{exdark}/ExDark/') for info in
                    ExDarkDataset(part, data_root=str(exdark))] for part in ('train', 'val', 'test')}
    assert parts == dict(train=[FILES[0]], val=[FILES[1]], test=list(FILES[2:]))
    dataset = ExDarkDataset(data_root=str(exdark))
    assert len(dataset.metainfo['classes']) == len(dataset.metainfo['palette']) == 12
    assert dataset[0]['instances'] == [
        dict(bbox=[2, 3, 12, 15], bbox_label=0, ignore_flag=0), dict(bbox=[4, 5, 10, 12], bbox_label=10, ignore_flag=1)]


def test_exdark_with_a_split_of_ones_own(exdark):
    (exdark / 'mine.txt').write_text('2015_00654\n2015_00001\n')
    chosen = ExDarkDataset(None, split='mine.txt', data_root=str(exdark))
    assert [info['img_path'][-9:-4] for info in chosen] == ['00654', '00001']
    assert len(ExDarkDataset(None, data_root=str(exdark))) == 4


def test_exdark_problems_are_named(exdark):
    with pytest.raises(ValueError, match=r"one of \['train', 'val', 'test'\], or None for all, got 'dev'"):
        ExDarkDataset('dev')
    (exdark / 'mine.txt').write_text('2015_00654\n')
    with pytest.raises(DatasetError, match=r"mine\.txt is not ExDark's list .*'2015_00654'\. Set subset=None"):
        ExDarkDataset(split='mine.txt', data_root=str(exdark))
    (exdark / 'ExDark_Annno' / f'{FILES[1]}.txt').unlink()
    with pytest.raises(DatasetError, match=r'ExDark_Annno/Bicycle/2015_00002\.JPG\.txt: no such file'):
        ExDarkDataset('val', data_root=str(exdark))
    path = exdark / 'ExDark_Annno' / f'{FILES[0]}.txt'
    for line, message in (('Bicycle 1 2 3', 'line 2: .*"class left top width height'),
                          ('Bicicle 1 2 3 4', "line 2: unknown class 'Bicicle'; the nearest is 'Bicycle'"),
                          ('Bicycle 1 2 0 4', 'line 2: .*has no area')):
        path.write_text(f'% bbGt version=3\n{line}\n')
        with pytest.raises(DatasetError, match=message):
            ExDarkDataset(data_root=str(exdark))
    (exdark / 'ExDark' / FILES[0]).unlink()
    with pytest.raises(DatasetError, match=r'imageclasslist\.txt: 2015_00001: .*ExDark does not hold it'):
        ExDarkDataset(data_root=str(exdark))
    (exdark / 'imageclasslist.txt').unlink()
    with pytest.raises(DatasetError, match='imageclasslist'):
        ExDarkDataset(data_root=str(exdark))


# ACDC

@pytest.fixture
def acdc(tmp_path):
    for condition in ('night', 'fog'):
        for part, video in (('train', 'GOPR0351'), ('train', 'GOPR0376'), ('val', 'GOPR0356')):
            for frame in (159, 161):
                place, stem = f'{condition}/{part}/{video}', f'{video}_frame_{frame:06d}'
                write(tmp_path / f'rgb_anon/{place}/{stem}_rgb_anon.png')
                write(tmp_path / f'gt/{place}/{stem}_gt_labelTrainIds.png', channels=0, value=18)
                write(tmp_path / f'gt/{place}/{stem}_gt_labelColor.png')
    return tmp_path


def test_acdc_as_published(acdc):
    pytest.importorskip('mmseg')
    pipeline = [dict(type='LoadPairFromFile'), dict(type='LoadSegMap'), dict(type='PackPairSegInputs')]
    train, val, fog = (ACDCDataset(*what, data_root=str(acdc), pipeline=pipeline)
                       for what in ((), ('night', 'val'), ('fog', )))
    assert (len(train), len(val), len(fog)) == (4, 2, 4)
    assert len(train.metainfo['classes']) == len(train.metainfo['palette']) == 19
    info = val.get_data_info(1)
    assert info['seg_map_path'] == str(acdc / 'gt/night/val/GOPR0356/GOPR0356_frame_000161_gt_labelTrainIds.png')
    assert check_pair(info, classes=val.metainfo['classes']).problems == []
    assert list(val[1]['inputs']) == ['visible'] and (val[1]['data_samples'].gt_sem_seg.data == 18).all()
    assert 'rgb_anon/fog/train' in fog.get_data_info(0)['img_path']


def test_acdc_split_and_missing_map(acdc):
    (acdc / 'mine.txt').write_text('GOPR0376_frame_000161\nGOPR0351_frame_000159_rgb_anon\n')
    assert [info['img_path'][-28:-13] for info in ACDCDataset(data_root=str(acdc), split='mine.txt')] == [
        '76_frame_000161', '51_frame_000159']
    (acdc / 'gt/night/train/GOPR0376/GOPR0376_frame_000159_gt_labelTrainIds.png').unlink()
    with pytest.raises(DatasetError, match=r'without segmentation map \(1\):\n.*GOPR0376_frame_000159_rgb_anon'):
        ACDCDataset(data_root=str(acdc))
    with pytest.raises(ValueError, match="condition='dusk' and subset='train'"):
        ACDCDataset('dusk')
    with pytest.raises(ValueError, match="condition='night' and subset='test'"):
        ACDCDataset(subset='test')
