"""The tools for data sets, run as their users run them (in one process)."""
import importlib.util
import json

import cv2
import numpy as np
import pytest
from mmengine.registry import DefaultScope

from mmfusenas.datasets import CocoPairDataset, YOLOPairDataset

CONFIG = """
dataset = dict(type='YOLOPairDataset', data_root={root!r}, metainfo=dict(classes=('person', 'car')))
pipeline = [
    dict(type='LoadPairFromFile'), dict(type='mmdet.LoadAnnotations', with_bbox=True),
    dict(type='JointTransform', transforms=[dict(type='mmdet.RandomFlip', prob=1.0)]), dict(type='PackPairDetInputs')]
train_dataloader = dict(dataset=dict(
    type='RepeatDataset', times=2,
    dataset=dict(data_prefix=dict(img='train/vi', img2='train/ir', ann='train/labels'), pipeline=pipeline, **dataset)))
val_dataloader = dict(dataset=dict(
    data_prefix=dict(img='test/vi', img2='test/ir', ann='test/labels'), pipeline=pipeline, test_mode=True, **dataset))
test_dataloader = val_dataloader
"""


@pytest.fixture
def tool(root):
    """Load a tool's module by its path below ``tools``."""

    def load(path):
        spec = importlib.util.spec_from_file_location(path.replace('/', '_'), root / f'tools/{path}.py')
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    with DefaultScope.overwrite_default_scope('mmfusenas'):
        yield load


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
        ('train', 'error', 'picture without a partner'), ('train', 'error', 'unreadable picture'),
        ('train', 'error', 'unreadable picture'), ('train', 'error', 'box outside the picture'),
        ('train', 'warning', 'box over the edge'), ('train', 'warning', 'class without a box'),
        ('val', 'warning', 'constant picture'), ('val', 'error', 'sizes differ'), ('val', 'warning', 'uint16 picture')])


def test_check_finds_what_is_on_both_sides(tool, data, capsys):
    root = data.parent
    for folder, suffix in (('vi', 'png'), ('ir', 'png'), ('labels', 'txt')):
        content = (root / f'train/{folder}/001.{suffix}').read_bytes()
        (root / f'test/{folder}/005.{suffix}').write_bytes(content)
    code, problems, _ = check(tool, data, capsys)
    assert (code, problems) == (1, [
        ('across', 'error', 'same picture in train and val'), ('across', 'warning', 'video in train and val')])


def test_check_prints_tables_and_the_next_command(tool, data, capsys):
    (data.parent / 'train/ir/001.png').unlink()
    assert tool('analysis_tools/check_dataset').main([str(data), '--json', str(data.parent / 'out.json')]) == 1
    out = capsys.readouterr().out
    assert 'train: YOLOPairDataset, 2 pairs' in out and 'picture without a partner' in out and '1 errors.' in out
    assert len(json.loads((data.parent / 'out.json').read_text())['datasets']) == 2
    (data.parent / 'train/vi/001.png').unlink()
    assert tool('analysis_tools/check_dataset').main([str(data)]) == 0
    assert f'browse_dataset.py {data}' in capsys.readouterr().out


def test_browse_draws_the_pair_as_the_model_gets_it(tool, data, tmp_path):
    browse = tool('analysis_tools/browse_dataset')
    assert browse.main([str(data), '--out-dir', str(tmp_path / 'out'), '--split', 'val', '--number', '5']) == 0
    assert sorted(path.name for path in (tmp_path / 'out').iterdir()) == ['100.png', '101.png']
    drawn = cv2.imread(str(tmp_path / 'out/100.png'))
    visible, infrared = (cv2.imread(str(tmp_path / f'test/{folder}/100.png'))[:, ::-1] for folder in ('vi', 'ir'))
    assert np.array_equal(drawn[:, :32], visible) and np.array_equal(drawn[:, 32:64], infrared)
    mean = cv2.addWeighted(visible, 0.5, infrared, 0.5, 0)
    assert (drawn[18, 84:92] == (0, 255, 0)).all()  # the lower edge of the flipped box
    assert np.array_equal(drawn[20:, 64:], mean[20:])  # below it, nothing is drawn
    assert browse.main([str(data), '--split', 'test']) == 1


SEARCH = """
custom_hooks = [dict(type='ArchitectureSearchHook', dataloader=[train_dataloader, val_dataloader])]
val_dataloader = test_dataloader = None
"""


def test_the_data_of_a_search_are_looked_at_too(tool, data, tmp_path, capsys):
    data.write_text(data.read_text() + SEARCH)
    code, problems, found = check(tool, data, capsys)
    assert (code, problems) == (0, [])  # the upper level may see what the lower one does
    assert [(s['name'], s['pairs']) for s in found['datasets']] == [('train', 3), ('search_1', 2)]
    browse = tool('analysis_tools/browse_dataset')
    assert browse.main([str(data), '--out-dir', str(tmp_path / 'out'), '--split', 'search']) == 0
    assert sorted(path.name for path in (tmp_path / 'out').iterdir()) == ['100.png', '101.png']


def test_browse_draws_classes(tool, root, tmp_path):
    config = str(root / 'configs/_base_/datasets/synthetic_ivif_seg.py')
    browse = tool('analysis_tools/browse_dataset')
    assert browse.main([config, '--out-dir', str(tmp_path), '--split', 'val', '--number', '1']) == 0
    drawn = cv2.imread(str(next(tmp_path.glob('*.png')))).astype(int)
    visible, infrared, both = np.split(drawn, 3, axis=1)
    assert np.abs(both - (visible + infrared) / 2).mean() > 5


@pytest.mark.parametrize('pictures', ['link', 'copy'])
def test_to_coco(tool, data, tmp_path, pictures):
    out = tmp_path / 'coco'
    convert = tool('dataset_converters/to_coco')
    arguments = [str(data), '--out', str(out), '--pictures', pictures]
    assert convert.main(arguments) == 0 and convert.main(arguments) == 0  # again, over itself
    assert (out / 'visible/000.png').is_symlink() == (pictures == 'link')
    source = YOLOPairDataset(
        data_root=str(tmp_path), metainfo=dict(classes=('person', 'car')),
        data_prefix=dict(img='train/vi', img2='train/ir', ann='train/labels'))
    read = CocoPairDataset(data_root=str(out), ann_file='annotations/train.json')
    assert [x['instances'] for x in read] == [x['instances'] for x in source]
    assert sorted(path.name for path in out.rglob('*') if path.name.startswith('.')) == []


def test_to_coco_refuses_bad_sets_and_other_pictures(tool, data, tmp_path, capsys):
    convert = tool('dataset_converters/to_coco')
    (tmp_path / 'coco/visible').mkdir(parents=True)
    (tmp_path / 'coco/visible/001.png').write_bytes(b'another')
    assert convert.main([str(data), '--out', str(tmp_path / 'coco')]) == 1
    assert 'is there already and another picture' in capsys.readouterr().err
    assert not (tmp_path / 'coco/annotations/train.json').exists()
    (tmp_path / 'train/labels/001.txt').write_text('9 0.5 0.5 0.1 0.1\n')
    assert convert.main([str(data), '--out', str(tmp_path / 'other')]) == 1
    assert 'class number 9' in capsys.readouterr().err


def test_to_coco_saves_drawn_scenes(tool, root, tmp_path):
    options = [f'{part}_dataloader.dataset.length=2' for part in ('train', 'val', 'test')]
    config = str(root / 'configs/_base_/datasets/synthetic_ivif_det.py')
    assert tool('dataset_converters/to_coco').main([config, '--out', str(tmp_path), '--cfg-options', *options]) == 0
    dataset = CocoPairDataset(data_root=str(tmp_path), ann_file='annotations/test.json')
    assert len(dataset) == 2 and dataset.metainfo['classes'][0] == 'color_cone'
    assert cv2.imread(dataset[0]['img_path']).shape == (128, 160, 3)
    assert cv2.imread(dataset[0]['img_path2'], cv2.IMREAD_UNCHANGED).shape == (128, 160)
    assert sum(len(x['instances']) for x in dataset) > 0


def test_make_split(tool, tmp_path, capsys):
    (tmp_path / 'vi').mkdir()
    for number in [*range(0, 40), *range(100, 110)]:
        (tmp_path / f'vi/{number:03d}.png').write_bytes(b'')
    split = tool('dataset_converters/make_split')
    arguments = [str(tmp_path / 'vi'), '--out', str(tmp_path / 'splits')]
    assert split.main(arguments) == 0
    assert [len((tmp_path / f'splits/{part}.txt').read_text().split()) for part in ('train', 'test')] == [40, 10]
    assert 'check_dataset.py' in capsys.readouterr().out
    assert split.main([*arguments, '--block', '10', '--guard', '2', '--shares', 'train=3', 'val=1', 'test=1']) == 0
    parts = [(tmp_path / f'splits/{part}.txt').read_text().split() for part in ('train', 'val', 'test')]
    assert sum(map(len, parts)) == 50 - 3 * 2
    numbers = [{int(stem) for stem in part} for part in parts]
    assert all(abs(a - b) > 2 for i in range(3) for j in range(i) for a in numbers[i] for b in numbers[j])


@pytest.mark.parametrize('arguments, message', [
    (['--gap', '100'], '1 sequences cannot be dealt to 2 parts'),
    (['--shares', 'train'], "words like train=0.8, got 'train'"),
    (['--shares', 'train=0'], 'share above 0'),
])
def test_make_split_refuses(tool, tmp_path, arguments, message):
    for number in (1, 50):
        (tmp_path / f'{number:03d}.png').write_bytes(b'')
    with pytest.raises(SystemExit, match=message):
        tool('dataset_converters/make_split').main([str(tmp_path), '--out', str(tmp_path / 'splits'), *arguments])


@pytest.mark.parametrize('name, options', [('analysis_tools/check_dataset', ()), ('analysis_tools/browse_dataset', ()),
                                           ('dataset_converters/to_coco', ('--out', 'x'))])
def test_a_config_that_is_not_there_is_one_message(name, options, run_tool):
    assert run_tool(name, 'configs/no.py', *options).startswith('error: Config configs/no.py does not exist.')
