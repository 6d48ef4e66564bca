"""The tools for data sets, run as their users run them (in one process)."""
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import BaseDataset
from mmengine.registry import DefaultScope

from mmfusenas.core.errors import UserError
from mmfusenas.datasets import CocoPairDataset, YOLOPairDataset
from mmfusenas.datasets.coco_layout import write_coco
from mmfusenas.datasets.problems import DatasetError
from mmfusenas.registry import DATASETS

CONFIG = """
dataset = dict(type='YOLOPairDataset', data_root={root!r}, metainfo=dict(classes=('person', 'car')))
pipeline = [
    dict(type='LoadPairFromFile'), dict(type='mmdet.LoadAnnotations', with_bbox=True),
    dict(type='JointTransform', transforms=[dict(type='mmdet.RandomFlip', prob=1.0)]), dict(type='PackPairDetInputs')]
train_dataloader = dict(dataset=dict(
    type='RepeatDataset', times=2,
    dataset=dict(data_prefix=dict(img='train/vi', infrared='train/ir', ann='train/labels'), pipeline=pipeline,
                 **dataset)))
val_dataloader = dict(dataset=dict(
    data_prefix=dict(img='test/vi', infrared='test/ir', ann='test/labels'), pipeline=pipeline, test_mode=True,
    **dataset))
test_dataloader = val_dataloader
"""


@pytest.fixture
def tool(load_tool):
    """Load a tool's module by its path below ``tools``."""
    with DefaultScope.overwrite_default_scope('mmfusenas'):
        yield load_tool


@pytest.fixture
def data(tmp_path):
    """A config file and its data: three pairs for training, two for testing, one box each."""
    random = np.random.default_rng(0)
    for part, numbers in dict(train=(0, 1, 2), test=(100, 101)).items():
        for folder in ('vi', 'ir', 'labels'):
            (tmp_path / part / folder).mkdir(parents=True)
        for number in numbers:
            stem = f'{number:03d}'
            cv2.imwrite(str(tmp_path / part / f'vi/{stem}.png'), random.integers(0, 256, (24, 32, 3), dtype=np.uint8))
            cv2.imwrite(str(tmp_path / part / f'ir/{stem}.png'), random.integers(0, 256, (24, 32), dtype=np.uint8))
            (tmp_path / part / f'labels/{stem}.txt').write_text(f'{number % 2} 0.25 0.5 0.25 0.5\n')
    config = tmp_path / 'config.py'
    config.write_text(CONFIG.format(root=str(tmp_path)))
    return config


def check(tool, config, capsys):
    """Run the check tool; return its exit code and the problems as (data set, level, kind)."""
    code = tool('analysis_tools/check_dataset').main([str(config), '--json', '--workers', '1'])
    out = capsys.readouterr().out
    found = json.loads(out[out.index('{'):])
    problems = [(s['name'], p['level'], p['kind']) for s in found['datasets'] for p in s['problems']]
    return code, problems + [('across', p['level'], p['kind']) for p in found['across']], found


def test_check_of_a_good_set(tool, data, capsys):
    code, problems, found = check(tool, data, capsys)
    assert (code, problems) == (0, [])
    assert [(s['name'], s['pairs'], s['sizes'], s['depths'], s['boxes']) for s in found['datasets']] == [
        ('train', 3, {'32 x 24': 3}, {'uint8 + uint8': 3}, dict(person=2, car=1)),
        ('val', 2, {'32 x 24': 2}, {'uint8 + uint8': 2}, dict(person=1, car=1))]


def test_check_lists_everything_at_once(tool, data, capsys):
    root = data.parent
    (root / 'train/ir/001.png').unlink()
    (root / 'train/vi/002.png').write_bytes(b'damaged')
    (root / 'train/labels/000.txt').write_text('0 0.25 0.5 0.25 0.5\n0 2 2 0.1 0.1\n0 0.0 0.5 0.25 0.5\n')
    cv2.imwrite(str(root / 'test/ir/100.png'), np.full((24, 32), 5, np.uint8))
    cv2.imwrite(str(root / 'test/ir/101.png'), np.arange(16 * 16, dtype=np.uint16).reshape(16, 16))
    code, problems, _ = check(tool, data, capsys)
    assert code == 1
    assert sorted(problems) == sorted([
        ('train', 'error', 'image without a partner'), ('train', 'error', 'unreadable image'),
        ('train', 'error', 'box outside the image'),
        ('train', 'warning', 'box over the edge'), ('train', 'warning', 'class without a box'),
        ('val', 'warning', 'constant image'), ('val', 'error', 'sizes differ'), ('val', 'warning', 'uint16 image')])


def test_check_finds_what_is_on_both_sides(tool, data, capsys):
    root = data.parent
    for folder, suffix in (('vi', 'png'), ('ir', 'png'), ('labels', 'txt')):
        content = (root / f'train/{folder}/001.{suffix}').read_bytes()
        (root / f'test/{folder}/005.{suffix}').write_bytes(content)
    code, problems, _ = check(tool, data, capsys)
    assert (code, problems) == (1, [
        ('across', 'error', 'same image in train and val'), ('across', 'warning', 'video in train and val')])


def test_check_prints_tables_and_the_next_command(tool, data, capsys):
    (data.parent / 'train/ir/001.png').unlink()
    assert tool('analysis_tools/check_dataset').main([str(data), '--json', str(data.parent / 'out.json')]) == 1
    out = capsys.readouterr().out
    assert 'train: YOLOPairDataset, 2 pairs' in out and 'image without a partner' in out and '1 errors.' in out
    assert len(json.loads((data.parent / 'out.json').read_text())['datasets']) == 2
    (data.parent / 'train/vi/001.png').unlink()
    assert tool('analysis_tools/check_dataset').main([str(data)]) == 0
    assert f'browse_dataset.py {data}' in capsys.readouterr().out


def test_browse_draws_the_pair_as_the_model_gets_it(tool, data, tmp_path):
    browse = tool('analysis_tools/browse_dataset')
    browse.main([str(data), '--out-dir', str(tmp_path / 'out'), '--split', 'val', '--number', '5'])
    assert sorted(path.name for path in (tmp_path / 'out').iterdir()) == ['100.png', '101.png']
    drawn = cv2.imread(str(tmp_path / 'out/100.png'))
    visible, infrared = (cv2.imread(str(tmp_path / f'test/{folder}/100.png'))[:, ::-1] for folder in ('vi', 'ir'))
    assert np.array_equal(drawn[:, :32], visible) and np.array_equal(drawn[:, 32:64], infrared)
    mean = cv2.addWeighted(visible, 0.5, infrared, 0.5, 0)
    assert (drawn[18, 84:92] == (0, 255, 0)).all()  # the lower edge of the flipped box
    assert np.array_equal(drawn[20:, 64:], mean[20:])  # below it, nothing is drawn
    with pytest.raises(UserError, match="has no data set 'test'"):
        browse.main([str(data), '--split', 'test'])


def test_browse_writes_a_file_for_each_of_equal_names(tool, data, tmp_path):
    for folder in ('vi', 'ir'):
        paths = [f'{tmp_path}/{part}/{folder}/000.png' for part in ('train', 'test')]
        cv2.imwrite(paths[1], cv2.imread(f'{tmp_path}/test/{folder}/100.png', cv2.IMREAD_UNCHANGED))
        (tmp_path / f'{folder}.txt').write_text('\n'.join(paths))
    data.write_text(f"val_dataloader = dict(dataset=dict(type='PairDataset', data_root={str(tmp_path)!r}, "
                    "data_prefix=dict(img='vi.txt', infrared='ir.txt'), pipeline=[dict(type='LoadPairFromFile'), "
                    "dict(type='PackPairInputs')]))")
    tool('analysis_tools/browse_dataset').main([str(data), '--out-dir', str(tmp_path / 'out'), '--split', 'val'])
    assert sorted(path.name for path in (tmp_path / 'out').iterdir()) == ['000.png', 'vi-000.png']


ONE_SENSOR = """
dataset = dict(type='YOLOPairDataset', data_root={root!r}, metainfo=dict(classes=('person', 'car')))
boxes = [dict(type='LoadPairFromFile'), dict(type='mmdet.LoadAnnotations', with_bbox=True),
         dict(type='PackPairDetInputs')]
train_dataloader = dict(dataset=dict(
    data_prefix=dict(img='train/vi', ann='train/labels'), pipeline=boxes, **dataset))
val_dataloader = dict(dataset=dict(
    type='PairDataset', data_root={root!r}, data_prefix=dict(img='test/vi', reference='test/gt'),
    pipeline=[dict(type='LoadPairFromFile'), dict(type='PackPairInputs')]))
"""


@pytest.fixture
def dark(data):
    """A config of one sensor: images with boxes for training, with references for testing."""
    (data.parent / 'test/gt').mkdir()
    for number in (100, 101):
        image = cv2.imread(str(data.parent / f'test/vi/{number}.png'))
        cv2.imwrite(str(data.parent / f'test/gt/{number}.png'), 255 - image)
    data.write_text(ONE_SENSOR.format(root=str(data.parent)))
    return data


def test_check_of_one_sensor(tool, dark, capsys):
    code, problems, found = check(tool, dark, capsys)
    assert (code, problems) == (0, [])
    assert [(s['name'], s['pairs'], s['depths'], s['boxes']) for s in found['datasets']] == [
        ('train', 3, {'uint8': 3}, dict(person=2, car=1)), ('val', 2, {'uint8 + uint8': 2}, {})]
    assert tool('analysis_tools/check_dataset').main([str(dark), '--workers', '1']) == 0
    out = capsys.readouterr().out
    assert 'train: YOLOPairDataset, 3 images; 32 x 24 (3); visible uint8 (3); person: 2 boxes' in out
    assert 'val: PairDataset, 2 images; 32 x 24 (2); visible + reference uint8 + uint8 (2)' in out


def test_check_finds_what_is_wrong_with_references(tool, dark, capsys):
    cv2.imwrite(str(dark.parent / 'test/gt/100.png'), np.arange(16 * 16 * 3, dtype=np.uint8).reshape(16, 16, 3))
    (dark.parent / 'test/gt/101.png').write_bytes(b'damaged')
    code, problems, _ = check(tool, dark, capsys)
    assert (code, problems) == (1, [('val', 'error', 'sizes differ'), ('val', 'error', 'unreadable image')])


def test_browse_shows_image_and_reference_or_image_with_boxes(tool, dark, tmp_path):
    browse = tool('analysis_tools/browse_dataset')
    browse.main([str(dark), '--out-dir', str(tmp_path / 'val'), '--split', 'val'])
    image, reference = (cv2.imread(str(tmp_path / f'test/{folder}/101.png')) for folder in ('vi', 'gt'))
    assert np.array_equal(cv2.imread(str(tmp_path / 'val/101.png')), np.hstack([image, reference]))
    browse.main([str(dark), '--out-dir', str(tmp_path / 'train')])
    image, drawn = cv2.imread(str(tmp_path / 'train/001.png')), cv2.imread(str(tmp_path / 'train/vi/001.png'))
    assert image.shape == (24, 64, 3) and np.array_equal(image[:, :32], drawn)
    assert (image[18, 32 + 4:32 + 12] == (0, 255, 0)).all()


def test_browse_leaves_out_what_is_no_image(tool):
    browse = tool('analysis_tools/browse_dataset')
    inputs = {name: torch.full((1, 9, 12), i, dtype=torch.uint8) for i, name in enumerate(('visible', 'reference'))}
    packed = dict(inputs=dict(inputs, kernel=torch.rand(1, 5, 5), noise=torch.rand(1, 9, 12)), data_samples={})
    assert browse.panel_image(packed, {}).shape == (9, 24, 3)


STOCK = """
train_dataloader = dict(dataset=dict(
    type='mmdet.CocoDataset', data_root={root!r}, ann_file='annotations/train.json', data_prefix=dict(img='visible'),
    metainfo=dict(classes=('person', 'car')),
    pipeline=[dict(type='LoadImageFromFile'), dict(type='mmdet.LoadAnnotations', with_bbox=True),
              dict(type='mmdet.PackDetInputs')]))
"""


def test_images_with_boxes_become_coco_that_mmdet_reads_itself(tool, dark, tmp_path, capsys):
    options = ['--cfg-options', 'val_dataloader=None']
    tool('dataset_converters/to_coco').main([str(dark), '--out', str(tmp_path / 'coco'), *options])
    assert "data_prefix={'img': 'visible'}" in capsys.readouterr().out
    assert sorted(path.name for path in (tmp_path / 'coco').iterdir()) == ['annotations', 'visible']
    config = tmp_path / 'stock.py'
    config.write_text(STOCK.format(root=str(tmp_path / 'coco')))
    code, problems, found = check(tool, config, capsys)
    assert (code, problems) == (0, []) and found['datasets'][0]['boxes'] == dict(person=2, car=1)
    (tmp_path / 'coco/visible/001.png').unlink()
    assert check(tool, config, capsys)[1] == [('train', 'error', 'unreadable image')]
    cv2.imwrite(str(tmp_path / 'coco/visible/001.png'), cv2.imread(str(tmp_path / 'train/vi/000.png')))
    browse = tool('analysis_tools/browse_dataset')
    browse.main([str(config), '--out-dir', str(tmp_path / 'out')])
    assert cv2.imread(str(tmp_path / 'out/001.png')).shape == (24, 64, 3)


def test_a_set_without_images_is_named(tool, tmp_path):
    @DATASETS.register_module(force=True)
    class ToolTexts(BaseDataset):
        def load_data_list(self):
            return [dict(text='a')]

    config = tmp_path / 'config.py'
    config.write_text("train_dataloader = dict(dataset=dict(type='ToolTexts'))")
    with pytest.raises(DatasetError, match='ToolTexts.*img_path'):
        tool('analysis_tools/check_dataset').main([str(config)])


@pytest.mark.parametrize('name, panels', [
    ('synthetic_ivif_det', 3), ('synthetic_lowlight', 2), ('synthetic_lowlight_det', 3), ('synthetic_lowlight_seg', 3)])
def test_browse_shows_the_built_in_scenes(tool, root, tmp_path, name, panels):
    config = str(root / f'configs/_base_/datasets/{name}.py')
    browse = tool('analysis_tools/browse_dataset')
    browse.main([config, '--out-dir', str(tmp_path), '--split', 'val', '--number', '1'])
    assert cv2.imread(str(next(tmp_path.glob('*.png')))).shape == (128, 160 * panels, 3)


def test_neighbouring_numbers_of_drawn_scenes_are_no_video(tool, root, capsys):
    config = root / 'configs/_base_/datasets/synthetic_lowlight_seg.py'
    options = [f'{part}_dataloader.dataset.length=2' for part in ('train', 'val', 'test')]
    code = tool('analysis_tools/check_dataset').main([
        str(config), '--json', '--workers', '1', '--cfg-options', *options])
    out = capsys.readouterr().out
    assert code == 0 and json.loads(out[out.index('{'):])['across'] == []


SEARCH = """
custom_hooks = [dict(type='BilevelSearchHook', dataloader=[train_dataloader, val_dataloader])]
val_dataloader = test_dataloader = None
"""


def test_the_data_of_a_search_are_looked_at_too(tool, data, tmp_path, capsys):
    data.write_text(data.read_text() + SEARCH)
    code, problems, found = check(tool, data, capsys)
    assert (code, problems) == (0, [])  # the upper level may see what the lower one does
    assert [(s['name'], s['pairs']) for s in found['datasets']] == [('train', 3), ('search_1', 2)]
    browse = tool('analysis_tools/browse_dataset')
    browse.main([str(data), '--out-dir', str(tmp_path / 'out'), '--split', 'search'])
    assert sorted(path.name for path in (tmp_path / 'out').iterdir()) == ['100.png', '101.png']


def test_browse_draws_classes(tool, root, tmp_path):
    config = str(root / 'configs/_base_/datasets/synthetic_ivif_seg.py')
    browse = tool('analysis_tools/browse_dataset')
    browse.main([config, '--out-dir', str(tmp_path), '--split', 'val', '--number', '1'])
    path, = tmp_path.glob('*.png')
    visible, infrared, both = np.split(cv2.imread(str(path)), 3, axis=1)
    dataset = DATASETS.build(Config.fromfile(config).val_dataloader.dataset)
    packed = dataset[0]
    classes = packed['data_samples'].gt_sem_seg.data[0].numpy()
    assert path.stem == Path(packed['data_samples'].img_path).stem and len(np.unique(classes)) > 3
    assert np.array_equal(visible, packed['inputs']['visible'].permute(1, 2, 0))
    assert np.array_equal(infrared, packed['inputs']['infrared'][0, ..., None].expand(-1, -1, 3))
    # Half the mean of both and half the colour of the class, which the palette has as RGB.
    colours = np.array(dataset.metainfo['palette'])[classes][..., ::-1]
    expected = (visible.astype(float) + infrared) / 4 + colours / 2
    assert np.abs(both - expected).max() <= 1


@pytest.mark.parametrize('images', ['link', 'copy'])
def test_to_coco(tool, data, tmp_path, images):
    out = tmp_path / 'coco'
    convert = tool('dataset_converters/to_coco')
    arguments = [str(data), '--out', str(out), '--images', images]
    convert.main(arguments)
    convert.main(arguments)  # again, over itself
    assert (out / 'visible/000.png').is_symlink() == (images == 'link')
    source = YOLOPairDataset(
        data_root=str(tmp_path), metainfo=dict(classes=('person', 'car')),
        data_prefix=dict(img='train/vi', infrared='train/ir', ann='train/labels'))
    read = CocoPairDataset(data_root=str(out), ann_file='annotations/train.json')
    assert [x['instances'] for x in read] == [x['instances'] for x in source]
    assert sorted(path.name for path in out.rglob('*') if path.name.startswith('.')) == []


def test_an_image_in_register_comes_along(tmp_path):
    images = {name: tmp_path / f'{name}.png' for name in ('a', 'b', 'c')}
    for k, path in enumerate(images.values()):
        cv2.imwrite(str(path), np.full((24, 32), 60 * k, np.uint8))
    info = dict(zip(('img_path', 'infrared_path', 'aligned_path'), map(str, images.values())),
                img_id=0, height=24, width=32)
    write_coco(tmp_path / 'coco', 'train', [info], ('car', ), link=False)
    prefix = dict(img='visible', infrared='infrared', aligned='aligned')
    read = CocoPairDataset(data_root=str(tmp_path / 'coco'), ann_file='annotations/train.json', data_prefix=prefix)
    assert read[0]['aligned_path'].endswith('aligned/c.png')
    with pytest.raises(ValueError, match=r"has \['img3'\]; it knows \['img', 'infrared', "):
        CocoPairDataset(data_root=str(tmp_path / 'coco'), ann_file='annotations/train.json', data_prefix=dict(img3='x'))


def test_to_coco_refuses_bad_sets_and_other_images(tool, data, tmp_path):
    convert = tool('dataset_converters/to_coco')
    (tmp_path / 'coco/visible').mkdir(parents=True)
    (tmp_path / 'coco/visible/001.png').write_bytes(b'another')
    with pytest.raises(DatasetError, match=r'visible/001\.png is there already.*--out'):
        convert.main([str(data), '--out', str(tmp_path / 'coco')])
    assert not (tmp_path / 'coco/annotations/train.json').exists()
    (tmp_path / 'train/labels/001.txt').write_text('9 0.5 0.5 0.1 0.1\n')
    with pytest.raises(DatasetError, match='class number 9'):
        convert.main([str(data), '--out', str(tmp_path / 'other')])


def test_to_coco_saves_drawn_scenes(tool, root, tmp_path):
    options = [f'{part}_dataloader.dataset.length=2' for part in ('train', 'val', 'test')]
    config = str(root / 'configs/_base_/datasets/synthetic_ivif_det.py')
    tool('dataset_converters/to_coco').main([config, '--out', str(tmp_path), '--cfg-options', *options])
    dataset = CocoPairDataset(data_root=str(tmp_path), ann_file='annotations/test.json')
    assert len(dataset) == 2 and dataset.metainfo['classes'][0] == 'color_cone'
    assert cv2.imread(dataset[0]['img_path']).shape == (128, 160, 3)
    assert cv2.imread(dataset[0]['infrared_path'], cv2.IMREAD_UNCHANGED).shape == (128, 160)
    assert sum(len(x['instances']) for x in dataset) > 0


def test_images_that_are_no_frames_are_dealt_one_by_one(tool, tmp_path):
    for number in range(60):
        (tmp_path / f'{number}.png').write_bytes(b'')
    arguments = [str(tmp_path), '--out', str(tmp_path / 'splits'), '--gap', '0', '--ratios', 'train=50', 'test=10']
    tool('dataset_converters/make_split').main(arguments)
    parts = [(tmp_path / f'splits/{part}.txt').read_text().split() for part in ('train', 'test')]
    assert [len(part) for part in parts] == [50, 10] and len(set(sum(parts, []))) == 60


def test_make_split(tool, tmp_path, capsys):
    (tmp_path / 'vi').mkdir()
    for number in [*range(0, 40), *range(100, 110)]:
        (tmp_path / f'vi/{number:03d}.png').write_bytes(b'')
    split = tool('dataset_converters/make_split')
    arguments = [str(tmp_path / 'vi'), '--out', str(tmp_path / 'splits')]
    split.main(arguments)
    assert [len((tmp_path / f'splits/{part}.txt').read_text().split()) for part in ('train', 'test')] == [40, 10]
    assert 'check_dataset.py' in capsys.readouterr().out
    split.main([*arguments, '--block', '10', '--guard', '2', '--ratios', 'train=3', 'val=1', 'test=1'])
    parts = [(tmp_path / f'splits/{part}.txt').read_text().split() for part in ('train', 'val', 'test')]
    assert sum(map(len, parts)) == 50 - 3 * 2
    numbers = [{int(stem) for stem in part} for part in parts]
    assert all(abs(a - b) > 2 for i in range(3) for j in range(i) for a in numbers[i] for b in numbers[j])


def test_make_split_says_what_was_reached_and_refuses_what_is_far_from_it(tool, tmp_path, capsys):
    for number in [*range(0, 49), *range(100, 151)]:  # two videos
        (tmp_path / f'{number:03d}.png').write_bytes(b'')
    split = tool('dataset_converters/make_split')
    arguments = [str(tmp_path), '--out', str(tmp_path / 'splits'), '--ratios', 'train=80', 'test=20']
    with pytest.raises(UserError, match='train 51% in place of 80%, test 49% in place of 20%.*--block.*--tolerance'):
        split.main(arguments)
    assert not (tmp_path / 'splits').exists()
    split.main([*arguments, '--tolerance', '0.3'])
    assert '| train | 51     | 80.0% | 51.0%   |' in capsys.readouterr().out
    split.main([*arguments, '--block', '10', '--guard', '2'])
    assert '18 frames left out at cuts' in capsys.readouterr().out


def test_make_split_of_images_in_folders(tool, tmp_path):
    for number in range(10):
        (tmp_path / f'images/{number % 2}').mkdir(parents=True, exist_ok=True)
        (tmp_path / f'images/{number % 2}/{number}.png').write_bytes(b'')
    arguments = [str(tmp_path / 'images'), '--out', str(tmp_path / 'splits'), '--gap', '0']
    with pytest.raises(UserError, match='no image.*--nested'):
        tool('dataset_converters/make_split').main(arguments)
    tool('dataset_converters/make_split').main([*arguments, '--nested'])
    assert [len((tmp_path / f'splits/{part}.txt').read_text().split()) for part in ('train', 'test')] == [8, 2]


@pytest.mark.parametrize('arguments, message', [
    (['--gap', '100'], '1 sequences cannot be split into 2 parts'),
    (['--ratios', 'train'], "words like train=0.8, got 'train'"),
    (['--ratios', 'train=0'], 'ratio above 0'), (['--ratios', 'train=nan'], 'ratio above 0'),
    (['--ratios', 'train=1', 'train=2'], "the part 'train' twice"),
    (['--ratios', '../../x=.5', 'test=.5'], r"'\.\./\.\./x' is no name of a file; folders are given by --out"),
])
def test_make_split_refuses(tool, tmp_path, arguments, message):
    for number in (1, 50):
        (tmp_path / f'{number:03d}.png').write_bytes(b'')
    with pytest.raises((UserError, ValueError), match=message):
        tool('dataset_converters/make_split').main([str(tmp_path), '--out', str(tmp_path / 'splits'), *arguments])


@pytest.mark.parametrize('name, options', [('analysis_tools/check_dataset', ()), ('analysis_tools/browse_dataset', ()),
                                           ('dataset_converters/to_coco', ('--out', 'x'))])
def test_a_config_that_is_not_there_is_one_message(name, options, run_tool):
    assert run_tool(name, 'configs/no.py', *options).startswith('error: Config configs/no.py does not exist.')
