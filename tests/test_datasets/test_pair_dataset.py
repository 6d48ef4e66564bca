"""Pair data sets: what they read, and every kind of bad input with its message."""
import json
import logging

import cv2
import numpy as np
import pytest
import torch
from mmengine.dataset import ConcatDataset
from mmengine.logging import MMLogger

from mmfusenas.datasets import (
    CocoPairDataset,
    LLVIPDataset,
    M3FDDataset,
    MSRSDataset,
    MultiSpectralDataset,
    PairDataset,
    VOCPairDataset,
    YOLOPairDataset,
)
from mmfusenas.datasets.coco_layout import write_coco
from mmfusenas.datasets.problems import DatasetError
from mmfusenas.datasets.transforms import (
    JointTransform,
    LoadPairFromFile,
    PackPairDetInputs,
    PackPairInputs,
    PackPairSegInputs,
)
from mmfusenas.registry import DATASETS

CLASSES = dict(classes=('person', 'car'))


def yolo(root, **kwargs):
    return YOLOPairDataset(**{**dict(data_root=str(root), metainfo=CLASSES), **kwargs})


def voc_file(*objects, size=(24, 32)):
    items = ''.join(
        f'<object><name>{name}</name><difficult>{difficult}</difficult><bndbox><xmin>{x1}</xmin><ymin>{y1}</ymin>'
        f'<xmax>{x2}</xmax><ymax>{y2}</ymax></bndbox></object>' for name, x1, y1, x2, y2, difficult in objects)
    head = f'<size><width>{size[1]}</width><height>{size[0]}</height></size>' if size else ''
    return f'<annotation>{head}{items}</annotation>'


@pytest.fixture
def voc(pairs):
    (pairs / 'Annotations').mkdir()
    for number in range(4):
        (pairs / f'Annotations/{number:03d}.xml').write_text(voc_file(('car', 1, 2, 11, 12, 0)))
    return pairs


# What is read

def test_yolo_boxes_in_pixels(pairs):
    dataset = yolo(pairs)
    assert len(dataset) == 4 and dataset.metainfo['classes'] == ('person', 'car')
    info = dataset[2]
    assert info['instances'] == [
        dict(bbox=[0, 6, 16, 18], bbox_label=1, ignore_flag=0), dict(bbox=[20, 3, 28, 9], bbox_label=0, ignore_flag=0)]
    assert (info['img_id'], info['height'], info['width']) == (2, 24, 32) and type(info['img_id']) is int
    assert info['img_path'].endswith('vi/002.png') and info['infrared_path'].endswith('ir/002.png')
    assert dataset[0]['instances'] == [] and dataset.get_cat_ids(2) == [1, 0]


def test_voc_boxes_difficult_ones_and_the_first_pixel(voc):
    (voc / 'Annotations/001.xml').write_text(
        voc_file(('person', 2, 3, 12, 13, 1), ('car', 1, 1, 32, 24, 0), size=None))
    dataset = VOCPairDataset(data_root=str(voc), metainfo=CLASSES)
    assert dataset[1]['instances'] == [
        dict(bbox=[2, 3, 12, 13], bbox_label=0, ignore_flag=1), dict(bbox=[1, 1, 32, 24], bbox_label=1, ignore_flag=0)]
    assert (dataset[1]['height'], dataset[1]['width']) == (24, 32)  # from the image's header
    one_based = VOCPairDataset(data_root=str(voc), metainfo=CLASSES, one_based=True)
    assert [item['bbox'] for item in one_based[1]['instances']] == [[1, 2, 12, 13], [0, 0, 32, 24]]


def test_pairs_without_boxes(pairs):
    dataset = PairDataset(data_root=str(pairs))
    assert len(dataset) == 4 and set(dataset[3]) == {'img_id', 'img_path', 'infrared_path', 'sample_idx'}


def test_two_lists_belong_together_line_by_line(pairs):
    (pairs / 'a.txt').write_text('vi/002.png\nvi/000.png\n')
    (pairs / 'b.txt').write_text('ir/001.png\n\nir/003.png\n')
    dataset = PairDataset(data_root=str(pairs), data_prefix=dict(img='a.txt', infrared='b.txt'))
    assert [(x['img_path'][-7:], x['infrared_path'][-7:]) for x in dataset] == [
        ('002.png', '001.png'), ('000.png', '003.png')]


def test_a_list_that_names_what_is_not_there(pairs):
    (pairs / 'a.txt').write_text('vi/002.png\n')
    (pairs / 'b.txt').write_text('ir/9.png\n')
    with pytest.raises(DatasetError, match=r'missing file \(1\):\n  ir/9\.png'):
        PairDataset(data_root=str(pairs), data_prefix=dict(img='a.txt', infrared='b.txt'))


def test_a_split_file_chooses_and_orders(pairs):
    (pairs / 'train.txt').write_text('003\n001\n')
    (pairs / 'vi/extra.png').write_bytes((pairs / 'vi/000.png').read_bytes())  # beside the split: does not matter
    dataset = yolo(pairs, split='train.txt')
    assert [(x['img_id'], x['img_path'][-7:]) for x in dataset] == [(0, '003.png'), (1, '001.png')]


def test_filters_indices_and_test_mode(pairs):
    assert [x['img_path'][-7:] for x in yolo(pairs, filter_cfg=dict(filter_empty_gt=True))] == [
        '001.png', '002.png', '003.png']
    assert len(yolo(pairs, filter_cfg=dict(filter_empty_gt=True), test_mode=True)) == 4
    assert len(yolo(pairs, indices=2)) == 2 and len(yolo(pairs, lazy_init=True, serialize_data=False)) == 4
    cv2.imwrite(str(pairs / 'vi/001.png'), np.zeros((16, 40, 3), np.uint8))
    assert len(yolo(pairs, filter_cfg=dict(min_size=20))) == 3
    assert len(PairDataset(data_root=str(pairs), filter_cfg=dict(min_size=20))) == 3


def test_a_part_of_the_classes(pairs):
    class Mine(YOLOPairDataset):
        METAINFO = dict(classes=('person', 'car'))

    for dataset in (Mine(data_root=str(pairs), metainfo=dict(classes=('car', ))),
                    yolo(pairs, metainfo=dict(classes=('car', ), names=('person', 'car')))):
        assert [[item['bbox_label'] for item in x['instances']] for x in dataset] == [[], [], [0], [0]]


def test_empty_images_cannot_be_filtered_without_boxes(pairs):
    with pytest.raises(ValueError, match='filter_empty_gt.*PairDataset'):
        PairDataset(data_root=str(pairs), filter_cfg=dict(filter_empty_gt=True))


def test_works_in_mmengine_wrappers(pairs):
    parts = [dict(type='YOLOPairDataset', data_root=str(pairs), metainfo=CLASSES)] * 2
    assert len(ConcatDataset([DATASETS.build(part) for part in parts])) == 8


# Bad input

def test_missing_and_extra_files_are_listed_with_their_number(pairs):
    (pairs / 'ir/001.png').unlink()
    (pairs / 'ir/more.png').write_bytes((pairs / 'ir/000.png').read_bytes())
    with pytest.raises(DatasetError) as error:
        yolo(pairs)
    message = str(error.value)
    assert 'image without a partner (2)' in message and 'check_dataset.py' in message
    assert f"{pairs}/vi/001.png: no image of the stem '001' in {pairs}/ir" in message
    assert f"{pairs}/ir/more.png: no image of the stem 'more' in {pairs}/vi" in message


def test_many_cases_are_counted_and_the_first_shown(pairs):
    for number in range(20):
        (pairs / f'vi/x{number:02d}.png').write_bytes(b'')
    with pytest.raises(DatasetError, match=r'(?s)without a partner \(20\).*x04\.png.*and 15 more') as error:
        PairDataset(data_root=str(pairs))
    assert 'x05' not in str(error.value)


def test_two_images_of_one_stem(pairs):
    (pairs / 'vi/001.jpg').write_bytes((pairs / 'vi/001.png').read_bytes())
    with pytest.raises(DatasetError, match=r'two images of one stem \(1\)'):
        PairDataset(data_root=str(pairs))


def test_a_split_that_names_what_is_not_there(pairs):
    (pairs / 'train.txt').write_text('001\n9999\n')
    with pytest.raises(DatasetError, match=r'train\.txt: 9999: .*vi and .*ir do not both hold it'):
        yolo(pairs, split='train.txt')


@pytest.mark.parametrize('prefix, message', [
    (dict(img='nowhere', infrared='ir', ann='labels'), r'nowhere does not exist .*data_root'),
    (dict(img='empty', infrared='empty', ann='labels'), r'no image here and none in .*empty'),
])
def test_an_empty_data_set_says_where_it_looked(pairs, prefix, message):
    (pairs / 'empty').mkdir()
    with pytest.raises(DatasetError, match=message):
        yolo(pairs, data_prefix=prefix)


def test_nothing_left_after_filtering(pairs):
    with pytest.raises(DatasetError, match=r'no pair left of 4 after filter_cfg=.*min_size.*1000'):
        yolo(pairs, filter_cfg=dict(min_size=1000))


@pytest.mark.parametrize('line, message', [
    ('0 1.5 0.5 0.25 0.5', r'person \(44\.0, 6\.0, 52\.0, 18\.0\) lies outside the image of 32 x 24'),
    ('0 0.5 0.5 0 0.5', r'person \(16\.0, 6\.0, 16\.0, 18\.0\) has no area'),
    ('0 0.5 0.5 nan 0.5', 'has no area'),
    ('0 0.5 0.5 0.25', r"'0 0\.5 0\.5 0\.25' is not of the form"),
    ('person 0.5 0.5 0.25 0.5', 'is not of the form "class cx cy w h"'),
    ('2 0.5 0.5 0.25 0.5', r"class number 2; the known ones are 0 to 1: \['person', 'car'\]"),
])
def test_bad_yolo_lines_name_file_and_line(pairs, line, message):
    (pairs / 'labels/001.txt').write_text(f'0 0.5 0.5 0.25 0.5\n{line}\n')
    with pytest.raises(DatasetError, match=rf'labels/001\.txt, line 2: .*{message}'):
        yolo(pairs)


def test_bad_boxes_can_be_left_out_but_unknown_classes_cannot(pairs):
    (pairs / 'labels/001.txt').write_text('0 1.5 0.5 0.25 0.5\n0 0.5 0.5\n1 0.5 0.5 0.5 0.5\n')
    assert len(yolo(pairs, bad_boxes='drop')[1]['instances']) == 1
    (pairs / 'labels/001.txt').write_text('7 0.5 0.5 0.25 0.5\n')
    with pytest.raises(DatasetError, match='class number 7'):
        yolo(pairs, bad_boxes='drop')


def test_a_box_over_the_edge_is_clipped_and_reported(pairs):
    (pairs / 'labels/001.txt').write_text('0 0.0 0.5 0.5 0.5\n')
    dataset = yolo(pairs)
    assert dataset[1]['instances'][0]['bbox'] == [0, 6, 8, 18]
    problems = yolo(pairs, lazy_init=True).scan()[1]
    assert [(p.level, p.kind) for p in problems] == [('warning', 'box over the edge')]
    assert problems[0].where.endswith('labels/001.txt, line 1')


def test_rounding_at_the_edge_is_no_matter(pairs):
    (pairs / 'labels/001.txt').write_text('0 0.5 0.5 1.01 1.0001\n')
    infos, problems = yolo(pairs, lazy_init=True).scan()
    assert infos[1]['instances'][0]['bbox'] == [0, 0, 32, 24] and problems == []


def test_an_image_without_labels(pairs):
    (pairs / 'labels/001.txt').unlink()
    with pytest.raises(DatasetError, match=r"001\.txt: no such file.*unlabelled='empty'"):
        yolo(pairs)
    dataset = yolo(pairs, unlabelled='empty')
    assert dataset[1]['instances'] == [] and dataset[1]['width'] == 32


def test_a_damaged_image_is_named_while_the_size_is_read(pairs):
    (pairs / 'vi/001.png').write_bytes(b'')
    with pytest.raises(DatasetError, match=r'unreadable image \(1\):\n.*vi/001\.png'):
        yolo(pairs)


@pytest.mark.parametrize('content, message', [
    (voc_file(('cra', 1, 2, 11, 12, 0)), r"object 1: unknown class 'cra'; the nearest is 'car' \(known"),
    (voc_file(('car', 1, 2, 11, 12, 0), ('car', 11, 2, 1, 12, 0)), r'object 2: car \(11\.0, .*has no area'),
    (voc_file(('car', 40, 2, 50, 12, 0)), 'object 1: .*outside the image of 32 x 24'),
    (voc_file(('car', '', 2, 50, 12, 0)), 'object 1: bndbox needs the numbers'),
    ('<annotation>', 'not XML'),
])
def test_bad_voc_files_name_file_and_object(voc, content, message):
    (voc / 'Annotations/002.xml').write_text(content)
    with pytest.raises(DatasetError, match=rf'002\.xml.*{message}'):
        VOCPairDataset(data_root=str(voc), metainfo=CLASSES)


def test_unknown_classes_of_the_config(pairs):
    class Mine(YOLOPairDataset):
        METAINFO = dict(classes=('person', 'car'))

    with pytest.raises(DatasetError, match="metainfo.classes: unknown class 'cars'; the nearest is 'car'"):
        Mine(data_root=str(pairs), metainfo=dict(classes=('cars', )))
    with pytest.raises(DatasetError, match='no classes'):
        YOLOPairDataset(data_root=str(pairs))
    with pytest.raises(DatasetError, match="metainfo.classes: 'car': give every name once") as caught:
        yolo(pairs, metainfo=dict(classes=('person', 'car', 'car')))
    assert 'class given twice (1)' in str(caught.value)


def test_folders_that_a_format_does_not_know(pairs):
    with pytest.raises(ValueError, match=r"YOLOPairDataset needs \['ann', 'img'\] and may have .*, got \['img'\]"):
        yolo(pairs, data_prefix=dict(img='vi'))


@pytest.mark.parametrize('option, message', [
    (dict(bad_boxes='skip'), "'error' or 'drop', got 'skip'"),
    (dict(unlabelled='skip'), "'error' or 'empty', got 'skip'"),
])
def test_unknown_options(pairs, option, message):
    with pytest.raises(ValueError, match=message):
        yolo(pairs, **option)


# Published layouts

def test_msrs_as_shared(shared):
    train = MSRSDataset(data_root=str(shared / 'data/msrs'))
    test = MSRSDataset(
        data_root=str(shared / 'data/msrs'), data_prefix=dict(img='test/vi', infrared='test/ir', ann='test/labels'))
    assert (len(train), len(test)) == (222, 52)
    assert train[0]['instances'][0]['bbox'] == pytest.approx([508.793, 202.069, 561.379, 347.759], abs=1e-3)
    assert {item['bbox_label'] for x in test for item in x['instances']} == {0, 1, 2}


@pytest.mark.parametrize('build, folders, names', [
    (M3FDDataset, ('Vis', 'Ir', 'Annotation'), ['People', 'Truck']),
    (LLVIPDataset, ('visible/train', 'infrared/train', 'Annotations'), ['person', 'person']),
    (MultiSpectralDataset, ('ConvertedImages/rgb', 'ConvertedImages/fir', 'Annotations_ConvertedSummarized'),
     ['color_cone', 'bike']),
    (lambda **kwargs: MultiSpectralDataset(infrared='nir', **kwargs),
     ('ConvertedImages/rgb', 'ConvertedImages/nir', 'Annotations_ConvertedSummarized'), ['car_stop', 'person']),
])
def test_voc_sets_as_published(tmp_path, make_image, build, folders, names):
    for folder in folders:
        (tmp_path / folder).mkdir(parents=True)
    cv2.imwrite(str(tmp_path / folders[0] / '00001.png'), make_image(0, (24, 32), 3))
    cv2.imwrite(str(tmp_path / folders[1] / '00001.png'), make_image(1, (24, 32)))
    (tmp_path / folders[2] / '00001.xml').write_text(
        voc_file((names[0], 1, 2, 11, 12, 0), (names[1], 3, 4, 9, 20, 0)))
    (tmp_path / folders[2] / '00002.xml').write_text('belongs to the other part of the split')
    dataset = build(data_root=str(tmp_path))
    assert [dataset.metainfo['classes'][item['bbox_label']] for item in dataset[0]['instances']] == names
    assert dataset[0]['instances'][0]['bbox'] == [1, 2, 11, 12]
    assert len(dataset.metainfo['palette']) == len(dataset.metainfo['classes'])


def test_multispectral_refuses_other_cameras():
    with pytest.raises(ValueError, match="'fir', 'mir' or 'nir', got 'uv'"):
        MultiSpectralDataset(infrared='uv')


@pytest.mark.parametrize('size, message', [
    ((24, 320), 'annotated as 320 x 24, but 32 x 24: the boxes would be misplaced'),
    ((24, 'abc'), "001.xml: its size has the height '24' and the width 'abc'"), ((24, 'nan'), "the width 'nan'"),
    (('inf', 32), "the height 'inf'")])
def test_voc_size_is_the_image_s(voc, size, message):
    (voc / 'Annotations/001.xml').write_text(voc_file(('car', 1, 2, 11, 12, 0), size=size))
    with pytest.raises(DatasetError, match=message):
        VOCPairDataset(data_root=str(voc), metainfo=CLASSES)


def test_text_of_another_encoding(pairs):
    (pairs / 'labels/001.txt').write_bytes('0 0.5 0.5 0.25 0.5 \u00e9'.encode('latin-1'))
    with pytest.raises(DatasetError, match=r'labels/001\.txt: is not text in UTF-8'):
        yolo(pairs)
    (pairs / 'labels/001.txt').write_text('')
    (pairs / 'split.txt').write_bytes(b'00\xe9')
    with pytest.raises(ValueError, match=r'The list .*split\.txt is not text in UTF-8'):
        yolo(pairs, split='split.txt')


# COCO

@pytest.fixture
def coco(pairs, tmp_path_factory):
    dataset = yolo(pairs, metainfo=CLASSES)
    root = tmp_path_factory.mktemp('coco')
    write_coco(root, 'train', dataset.scan()[0], CLASSES['classes'], link=False)
    return root


def build_coco(root, **kwargs):
    return CocoPairDataset(data_root=str(root), ann_file='annotations/train.json', **kwargs)


def edit(root, change):
    path = root / 'annotations/train.json'
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def test_coco_layout_reads_back_what_was_written(coco, pairs):
    written, read = yolo(pairs), build_coco(coco)
    assert read.metainfo['classes'] == ('person', 'car') and len(read) == 4
    for a, b in zip(written, read):
        assert a['instances'] == b['instances'] and a['img_id'] == b['img_id']
        for key in ('img_path', 'infrared_path'):
            assert np.array_equal(cv2.imread(a[key], -1), cv2.imread(b[key], -1))


def test_coco_part_of_the_classes_and_filter(coco):
    dataset = build_coco(coco, metainfo=dict(classes=('car', )), filter_cfg=dict(filter_empty_gt=True))
    assert [[item['bbox_label'] for item in x['instances']] for x in dataset] == [[0], [0]]
    with pytest.raises(DatasetError, match='no pair is left'):
        build_coco(coco, filter_cfg=dict(min_size=1000))


def test_coco_second_file_name(coco):
    (coco / 'infrared/001.png').rename(coco / 'infrared/other.png')
    with pytest.raises(DatasetError, match=r'missing image \(1\):\n.*infrared/001\.png'):
        build_coco(coco)
    edit(coco, lambda content: content['images'][1].update(file_name_infrared='other.png'))
    assert build_coco(coco)[1]['infrared_path'].endswith('infrared/other.png')
    edit(coco, lambda content: content['images'][1].update(file_name2=content['images'][1].pop('file_name_infrared')))
    with pytest.warns(FutureWarning, match='file_name2 is called file_name_infrared'):
        assert build_coco(coco)[1]['infrared_path'].endswith('infrared/other.png')


@pytest.mark.parametrize('bbox, message', [
    ([40, 2, 5, 5], 'annotation 2: .*outside the image of 32 x 24'), ([4, 2, 0, 5], 'annotation 2: .*has no area')])
def test_coco_bad_boxes(coco, bbox, message):
    edit(coco, lambda content: content['annotations'][1].update(bbox=bbox))
    with pytest.raises(DatasetError, match=message):
        build_coco(coco)
    assert [len(x['instances']) for x in build_coco(coco, bad_boxes='drop')] == [0, 1, 1, 1]


def test_coco_clips_over_the_edge(coco):
    edit(coco, lambda content: content['annotations'][0].update(bbox=[-4, 6, 8, 12]))
    assert build_coco(coco)[1]['instances'][0]['bbox'] == [0, 6, 4, 18]


def test_coco_unknown_class_text_ids_and_missing_file(coco):
    with pytest.raises(DatasetError, match="unknown class 'cars'; the nearest is 'car'"):
        build_coco(coco, metainfo=dict(classes=('cars', )))
    with pytest.raises(DatasetError, match='no such annotation file'):
        CocoPairDataset(data_root=str(coco), ann_file='annotations/val.json')
    edit(coco, lambda content: content['images'][0].update(id='zero'))
    with pytest.raises(DatasetError, match="its id is 'zero'; mmdet's CocoMetric needs whole numbers"):
        build_coco(coco)


def test_coco_of_one_sensor_and_a_reference(pairs, tmp_path_factory):
    root = tmp_path_factory.mktemp('coco')
    source = yolo(pairs, data_prefix=dict(img='vi', reference='ir', ann='labels'))
    write_coco(root, 'train', source.scan()[0], CLASSES['classes'], link=False)
    assert sorted(path.name for path in root.iterdir()) == ['annotations', 'reference', 'visible']
    alone = build_coco(root, data_prefix=dict(img='visible'))
    assert [x['instances'] for x in alone] == [x['instances'] for x in source] and 'infrared_path' not in alone[0]
    (root / 'reference/001.png').rename(root / 'reference/other.png')
    prefix = dict(img='visible', reference='reference')
    with pytest.raises(DatasetError, match=r'missing image \(1\):\n.*reference/001\.png'):
        build_coco(root, data_prefix=prefix)
    edit(root, lambda content: content['images'][1].update(file_name_reference='other.png'))
    assert build_coco(root, data_prefix=prefix)[1]['reference_path'].endswith('reference/other.png')


@pytest.mark.parametrize('change, message', [
    (lambda c: c['images'][1].update(id=0), r'id twice \(1\):\n.*train\.json, images: 2 entries have the id 0'),
    (lambda c: c['annotations'][1].update(id=1), 'annotations: 2 entries have the id 1'),
    (lambda c: c['categories'][1].update(id=0), 'categories: 2 entries have the id 0'),
    (lambda c: c['categories'][1].update(name='person'), "categories: 2 entries have the name 'person'"),
    (lambda c: c['annotations'][0].update(category_id=7), 'annotation 1: its category_id is 7, and no entry of categ'),
    (lambda c: c['annotations'][0].update(image_id=70), 'annotation 1: its image_id is 70, and no entry of images'),
    (lambda c: c.pop('annotations'), 'annotations is missing; it has to be a list'),
    (lambda c: c.pop('images'), 'images is missing'),
    (lambda c: c.update(categories=dict(a=1)), "categories is {'a': 1}; it has to be a list"),
    (lambda c: c['images'].append(3), r'images\[4\]: is 3, not an object'),
    (lambda c: c['images'][0].update(height='24'), r"images\[0\]: height is '24'; it has to be a whole number"),
    (lambda c: c['images'][0].update(width=0), 'width is 0'),
    (lambda c: c['images'][0].update(id=[1]), r'id is \[1\]'),
    (lambda c: c['images'][0].pop('file_name'), 'file_name is missing; it has to be text'),
    (lambda c: c['annotations'][0].update(bbox=[1, 2, 3]), r'bbox is \[1, 2, 3\]; it has to be four numbers'),
    (lambda c: c['annotations'][0].update(bbox=[1, 2, '3', 4]), 'it has to be four numbers'),
    (lambda c: c['annotations'][0].update(bbox=[1, 2, 10 ** 400, 4]), 'it has to be four numbers'),
    (lambda c: c['annotations'][0].pop('bbox'), 'bbox is missing'),
    (lambda c: c['categories'][0].update(name=None), 'name is None; it has to be text'),
    (lambda c: c['images'][0].update(width=320), 'annotated as 320 x 24, but 32 x 24'),
])
def test_coco_entries_that_do_not_fit(coco, change, message):
    edit(coco, change)
    with pytest.raises(DatasetError, match=message):
        build_coco(coco)


@pytest.mark.parametrize('content, message', [
    (b'{"images": [', 'the file is not JSON .*Is it cut off'), (b'[1, 2]', r'holds \[1, 2\]; a COCO file is an object'),
    (b'\xff\xfe\x00', 'the file is not JSON'), (b'[' * 5000 + b']' * 5000, 'the file is not JSON')])
def test_coco_files_that_are_none(coco, content, message):
    (coco / 'annotations/train.json').write_bytes(content)
    with pytest.raises(DatasetError, match=message):
        build_coco(coco)


def test_coco_boxes_without_an_area(coco):
    edit(coco, lambda content: [annotation.pop('area') for annotation in content['annotations']])
    assert [len(x['instances']) for x in build_coco(coco)] == [0, 1, 2, 1]


def test_coco_without_images(coco):
    edit(coco, lambda content: content.update(images=[], annotations=[]))
    with pytest.raises(DatasetError, match='its images are an empty list'):
        build_coco(coco)


def test_warnings_are_said_once_in_the_log(pairs, caplog):
    (pairs / 'labels/001.txt').write_text('0 0.0 0.5 0.5 0.5\n0 0.0 0.5 0.4 0.5\n')
    logger = MMLogger.get_current_instance()
    logger.addHandler(caplog.handler)
    try:
        yolo(pairs)
    finally:
        logger.removeHandler(caplog.handler)
    said = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(said) == 1
    assert '2 boxes were clipped or left out' in said[0] and 'labels/001.txt, line 1' in said[0]


def test_a_part_is_read_or_left_out(pairs):
    def paths(**options):
        data = PairDataset(data_root=str(pairs), data_prefix=dict(img='vi', infrared='ir'), **options)
        return [data.get_data_info(i)['img_path'] for i in range(len(data))]

    everything, part, rest = paths(), paths(every_nth=(1, 3)), paths(except_nth=(1, 3))
    assert part == everything[1::3] and sorted(part + rest) == everything and not set(part) & set(rest)
    for name in ('every_nth', 'except_nth'):
        with pytest.raises(ValueError, match=rf'{name} of a PairDataset is \(k, n\)'):
            paths(**{name: (3, 3)})
    for old, present in (('fold', part), ('exclude_fold', rest)):
        with pytest.warns(FutureWarning, match=f'^{old} is called'):
            assert paths(**{old: (1, 3)}) == present


@pytest.fixture
def parts(tmp_path, make_image):
    """A set in two folders: frames 0 to 7 in ``train`` and 8 to 11 in ``test``, and 50 to 53 of another video there."""
    for part, numbers in (('train', range(8)), ('test', [*range(8, 12), *range(50, 54)])):
        for folder in ('vi', 'ir', 'labels'):
            (tmp_path / part / folder).mkdir(parents=True)
        for number in numbers:
            stem = f'{number:03d}'
            cv2.imwrite(str(tmp_path / part / 'vi' / f'{stem}.png'), make_image(number, (24, 32), 3))
            cv2.imwrite(str(tmp_path / part / 'ir' / f'{stem}.png'), make_image(100 + number, (24, 32)))
            (tmp_path / part / 'labels' / f'{stem}.txt').write_text(f'0 0.5 0.5 {(number + 1) / 100} 0.5\n')
    return tmp_path


TWO = {key: [f'train/{folder}', f'test/{folder}']
       for key, folder in dict(img='vi', infrared='ir', ann='labels').items()}


def test_two_folders_are_one_set(parts):
    dataset = yolo(parts, data_prefix=TWO)
    infos = [dataset.get_data_info(i) for i in range(len(dataset))]
    assert [info['img_id'] for info in infos] == list(range(16))
    for info in infos:
        part, stem = info['img_path'].split('/')[-3], info['img_path'][-7:-4]
        assert info['infrared_path'] == str(parts / part / 'ir' / f'{stem}.png')
        x1, _, x2, _ = info['instances'][0]['bbox']
        assert (x2 - x1) / 32 * 100 == pytest.approx(int(stem) + 1)
    assert [info['img_path'].split('/')[-3] for info in infos] == ['train'] * 8 + ['test'] * 8


def test_runs_go_on_from_one_folder_to_the_next(parts):
    def numbers(**kfold):
        dataset = yolo(parts, data_prefix=TWO, kfold=kfold)
        return [int(dataset.get_data_info(i)['img_path'][-7:-4]) for i in range(len(dataset))]

    assert numbers(fold=0, n_splits=2, subset='test') == list(range(12))
    assert numbers(fold=0, n_splits=2) == [50, 51, 52, 53]
    cut = dict(n_splits=4, gap=2, block=4)
    assert numbers(fold=1, subset='test', **cut) == [4, 5, 6, 7]
    assert numbers(fold=1, **cut) == [0, 1, 10, 11, 50, 51, 52, 53]
    with pytest.raises(ValueError, match='2 runs of frames .* cannot be split into 3 folds'):
        numbers(fold=0, n_splits=3)


@pytest.mark.parametrize('prefix, message', [
    (dict(TWO, ann='train/labels'), 'hold equally many folders'),
    (dict(TWO, img=['a.txt', 'b.txt']), 'no .txt files'),
])
def test_lists_of_folders_that_do_not_fit(parts, prefix, message):
    with pytest.raises(ValueError, match=message):
        yolo(parts, data_prefix=prefix)


def test_one_stem_in_two_folders(parts):
    for folder, suffix in (('vi', 'png'), ('ir', 'png'), ('labels', 'txt')):
        (parts / f'train/{folder}/008.{suffix}').write_bytes((parts / f'test/{folder}/008.{suffix}').read_bytes())
    with pytest.raises(DatasetError, match='test/vi/008.png: .*train/vi/008.png has the same'):
        yolo(parts, data_prefix=TWO)


def test_folds_of_msrs_as_shared(shared):
    def stems(subset, fold):
        dataset = MSRSDataset(
            data_root=str(shared / 'data/msrs'), kfold=dict(fold=fold, n_splits=4, subset=subset, gap=16, block=20),
            data_prefix={key: [f'{part}/{folder}' for part in ('train', 'test')]
                         for key, folder in dict(img='vi', infrared='ir', ann='labels').items()})
        return [dataset.get_data_info(i)['img_path'][-10:-4] for i in range(len(dataset))]

    folds = [stems('test', fold) for fold in range(4)]
    assert len({stem for fold in folds for stem in fold}) == sum(map(len, folds)) == 274
    assert [(sum('D' in stem for stem in fold), sum('N' in stem for stem in fold)) for fold in folds] == [
        (36, 36), (36, 36), (36, 30), (28, 36)]
    assert [len(stems('train', fold)) for fold in range(4)] == [179, 180, 191, 191]


def test_a_data_set_of_ones_own_may_use_the_names_of_the_release_before(pairs):
    info = PairDataset(data_root=str(pairs), data_prefix=dict(img='vi', infrared='ir'))[0]
    with pytest.warns(FutureWarning, match='img_path2 is called infrared_path'):
        loaded = LoadPairFromFile()(dict(img_path=info['img_path'], img_path2=info['infrared_path']))
    image = dict(img=loaded['img'], reference=loaded['img'], infrared=loaded['infrared'])
    expected = PackPairInputs()(dict(image))['inputs']
    old = dict(img=image['img'], gt=image['reference'], img2=image['infrared'])
    for pack in (PackPairInputs, PackPairDetInputs, PackPairSegInputs):
        with pytest.warns(FutureWarning, match='img2 is called infrared'):
            packed = pack()(dict(old))['inputs']
        assert set(packed) == set(expected) == {'visible', 'infrared', 'reference'}
        assert all(torch.equal(packed[name], expected[name]) for name in packed)


def test_the_names_of_the_release_before_still_work(pairs):
    with pytest.warns(FutureWarning, match='img2 is called infrared'):
        old = PairDataset(data_root=str(pairs), data_prefix=dict(img='vi', img2='ir'))
    new = PairDataset(data_root=str(pairs), data_prefix=dict(img='vi', infrared='ir'))
    assert old[2] == new[2]
    with pytest.warns(FutureWarning, match='gt is called reference'):
        overridden = PairDataset(data_root=str(pairs), data_prefix=dict(img='vi', reference='nowhere', gt='ir'))
    assert overridden[0]['reference_path'].endswith('ir/000.png')
    with pytest.warns(FutureWarning, match='img2 is called target'):  # of guided super-resolution
        overridden = PairDataset(data_root=str(pairs), data_prefix=dict(img='vi', target='nowhere', img2='ir'))
    assert overridden[0]['target_path'].endswith('ir/000.png')
    results = JointTransform([])(LoadPairFromFile()(new[0]))
    with pytest.warns(FutureWarning, match='img2 is called infrared'):
        results['img2'] = results['img2'] // 2
    assert np.array_equal(results['infrared'], cv2.imread(new[0]['infrared_path'], cv2.IMREAD_UNCHANGED) // 2)
    with pytest.raises(KeyError, match='img3'):
        results['img3']
