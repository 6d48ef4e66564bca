"""The dataset configs build as they are, on data in their published layout."""
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate

from mmfusenas.datasets.leaves import dataset_leaves
from mmfusenas.models.data_preprocessors import PairDataPreprocessor
from mmfusenas.registry import DATASETS, METRICS
from mmfusenas.utils.config_check import check_config

PARTS = (('train', 1), ('test', 2))
YOLO = '2 0.5 0.5 0.25 0.25\n'
VOC = ('<annotation><object><name>{}</name><bndbox><xmin>8</xmin><ymin>9</ymin><xmax>40</xmax><ymax>50</ymax></bndbox>'
       '</object></annotation>')
FACES = '1\n100 60 160 110\n'
BBGT = '% bbGt version=3\nDog 100 60 60 50 0 0 0 0 0 0 0\n'
# config -> environment variable, folders of visible and infrared images and annotations, annotation
LAYOUTS = {
    'msrs_det': ('MSRS_ROOT', [(f'{part}/vi', f'{part}/ir', f'{part}/labels') for part in ('train', 'test')], YOLO),
    'm3fd_det': ('M3FD_ROOT', [('Vis', 'Ir', 'Annotation')], VOC.format('Lamp')),
    'llvip_det': ('LLVIP_ROOT', [(f'visible/{part}', f'infrared/{part}', 'Annotations') for part in ('train', 'test')],
                  VOC.format('person')),
    'multispectral_det': ('MULTISPECTRAL_ROOT',
                          [('ConvertedImages/rgb', 'ConvertedImages/fir', 'Annotations_ConvertedSummarized')],
                          VOC.format('bike')),
    'harvard_fusion': (
        'HARVARD_ROOT', [(f'mri_pet/{part}/pet', f'mri_pet/{part}/mri', '') for part in ('train', 'test')], ''),
}
# The same of one sensor: config -> variable, parts, files by path (2 dark images a part), inputs
ONE_SENSOR = {
    'lol': ('LOL_ROOT', {f'{part}/{kind}/{number}{k}.png': grey for part, number in (('our485', 1), ('eval15', 2))
                         for kind, grey in (('low', 20), ('high', 90)) for k in (0, 1)}),
    'fivek': ('FIVEK_ROOT', {f'{kind}/a{k}-x_{k}.png': grey for kind, grey in (('input', 20), ('expertC', 90))
                             for k in range(4)}
              | {'splits/train.txt': 'a0-x_0\na1-x_1\n', 'splits/test.txt': 'a2-x_2\na3-x_3\n'}),
    'darkface_det': ('DARKFACE_ROOT', {f'image/{k}.png': 20 for k in range(4)}
                     | {f'label/{k}.txt': FACES for k in range(4)}
                     | {'splits/train.txt': '0\n1\n', 'splits/test.txt': '2\n3\n'}),
    'exdark_det': ('EXDARK_ROOT', {f'ExDark/Dog/2015_{k}.png': 20 for k in range(6)}
                   | {f'ExDark_Annno/Dog/2015_{k}.png.txt': BBGT for k in range(6)}
                   | {'imageclasslist.txt': 'Name | Class | Light | In/Out | Train/Val/Test\n' + ''.join(
                       f'2015_{k}.png 9 1 1 {1 + k // 2}\n' for k in range(6))}),
    'msrs_night_det': ('MSRS_ROOT', {f'{part}/vi/{number}{k}{light}.png': 20 for part, number in PARTS
                                     for k in (0, 1) for light in 'DN'}
                       | {f'{part}/labels/{number}{k}N.txt': YOLO for part, number in PARTS for k in (0, 1)}),
    'reside_haze': ('RESIDE_ROOT', {f'ITS/{folder}/{k}{end}.png': grey for k in (1, 2)
                               for folder, end, grey in (('hazy', '_1', 20), ('clear', '', 90))}
               | {f'SOTS/indoor/{folder}/{k}{end}.png': grey for k in (3, 4)
                  for folder, end, grey in (('hazy', '_1', 20), ('gt', '', 90))}),
    'rain100_rain': ('RAIN100_ROOT', {f'{part}/{folder}/{number}{k}.png': grey for part, number in PARTS for k in (0, 1)
                                 for folder, grey in (('input', 20), ('target', 90))}),
    'acdc_seg': ('ACDC_ROOT', {f'rgb_anon/night/{part}/GOPR{part}/{part}_{k}_rgb_anon.png': 20
                               for part in ('train', 'val') for k in (0, 1)}
                 | {f'gt/night/{part}/GOPR{part}/{part}_{k}_gt_labelTrainIds.png': 18
                    for part in ('train', 'val') for k in (0, 1)}),
}

REFERENCED = ('lol', 'fivek', 'reside_haze', 'rain100_rain')


def lay_out(root: Path, folders: list[tuple[str, str, str]], annotation: str) -> None:
    for number, (visible, infrared, labels) in enumerate(folders):
        for folder in filter(None, (visible, infrared, labels)):
            (root / folder).mkdir(parents=True, exist_ok=True)
        for stem in (f'{10 * number}', f'{10 * number + 1}'):
            cv2.imwrite(str(root / visible / f'{stem}.png'), np.full((200, 260, 3), 90, np.uint8))
            cv2.imwrite(str(root / infrared / f'{stem}.png'), np.full((200, 260), 30, np.uint8))
            if labels:
                (root / labels / f'{stem}{".txt" if annotation == YOLO else ".xml"}').write_text(annotation)
    (root / 'splits').mkdir()
    (root / 'splits/train.txt').write_text('0\n')
    (root / 'splits/test.txt').write_text('1\n')


def write_files(root: Path, files: dict[str, int | str]) -> None:
    """Write texts, images of one grey level and, below ``reference``, maps of one number."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, str):
            path.write_text(content)
        else:
            shape = (200, 260) if name.startswith('gt/') else (200, 260, 3)
            cv2.imwrite(str(path), np.full(shape, content, np.uint8))


def load(root: Path, name: str) -> Config:
    return Config.fromfile(root / f'configs/_base_/datasets/{name}.py')


@pytest.mark.parametrize('name', LAYOUTS)
def test_real_sets(name, root, tmp_path, monkeypatch):
    variable, folders, annotation = LAYOUTS[name]
    lay_out(tmp_path, folders, annotation)
    monkeypatch.setenv(variable, str(tmp_path))
    leaves = dataset_leaves(load(root, name))
    assert list(leaves) == ['train', 'val']
    sets = {part: DATASETS.build(leaf) for part, leaf in leaves.items()}
    paths = [{sets[part].get_data_info(i)['img_path'] for i in range(len(sets[part]))} for part in sets]
    assert not paths[0] & paths[1]
    for dataset in sets.values():
        batch = PairDataPreprocessor()(pseudo_collate([dataset[0], dataset[0]]))
        visible, infrared = batch['inputs']['visible'], batch['inputs']['infrared']
        assert visible.shape[-2:] == infrared.shape[-2:] and visible.shape[:2] == (2, 3)
        assert visible.mean().item() == pytest.approx(90 / 255) and infrared.mean().item() == pytest.approx(30 / 255)
        if annotation:
            box = batch['data_samples'][0].gt_instances.bboxes.tensor[0]
            assert 0.02 < ((box[2] - box[0]) * (box[3] - box[1])).item() / visible[0, 0].numel() < 0.1


@pytest.mark.parametrize('name', ONE_SENSOR)
def test_real_sets_of_one_sensor(name, root, tmp_path, monkeypatch):
    variable, files = ONE_SENSOR[name]
    write_files(tmp_path, files)
    monkeypatch.setenv(variable, str(tmp_path))
    config = load(root, name)
    config.default_scope = 'mmfusenas'
    if METRICS.get('ImageQualityMetric') or name.endswith(('_det', '_seg')):
        check_config(config)
    leaves = dataset_leaves(config)
    assert list(leaves) == (['train', 'val', 'test'] if name == 'exdark_det' else ['train', 'val'])
    sets = [DATASETS.build(leaf) for leaf in leaves.values()]
    paths = [{dataset.get_data_info(i)['img_path'] for i in range(len(dataset))} for dataset in sets]
    assert all(len(part) == 2 for part in paths) and len(set.union(*paths)) == 2 * len(sets)
    for dataset in sets:
        batch = PairDataPreprocessor()(pseudo_collate([dataset[0], dataset[1]]))
        inputs, sample = batch['inputs'], batch['data_samples'][0]
        expected = dict(visible=20 / 255, **({'reference': 90 / 255} if name in REFERENCED else {}))
        assert {key: round(x.max().item(), 4) for key, x in inputs.items()} == {
            key: round(value, 4) for key, value in expected.items()}
        if name.endswith('_det'):
            box = sample.gt_instances.bboxes.tensor[0]
            width = 320 if name == 'msrs_night_det' else 640
            assert inputs['visible'].shape[-1] == width and 0.02 < (
                (box[2] - box[0]) * (box[3] - box[1])).item() / inputs['visible'][0, 0].numel() < 0.1
        if name.endswith('_seg'):
            assert set(sample.gt_sem_seg.data.unique().tolist()) <= {18, 255}
            assert sample.gt_sem_seg.data.shape[-2:] == ((200, 260) if dataset.test_mode else (512, 512))


@pytest.mark.parametrize('name, kind', [('msrs_det', 'labels'), ('msrs_seg', 'seg'),
                                        ('msrs_seg', 'Segmentation_labels')])
def test_folds_of_msrs_are_of_both_folders(name, kind, root, tmp_path, monkeypatch):
    for part, numbers in (('train', range(0, 100, 4)), ('test', range(100, 160, 4))):
        for number in numbers:
            ending, content = ('txt', YOLO) if kind == 'labels' else ('png', 3)
            write_files(tmp_path, {f'{part}/vi/{number:05d}N.png': 20, f'{part}/ir/{number:05d}N.png': 30,
                                   f'{part}/{kind}/{number:05d}N.{ending}': content})
    monkeypatch.setenv('MSRS_ROOT', str(tmp_path))

    def stems(part):
        dataset = DATASETS.build(load(root, name)[f'{part}_dataloader'].dataset)
        assert set(dataset[0]['inputs']) == {'visible', 'infrared'}
        return [Path(dataset.get_data_info(i)['img_path']).stem for i in range(len(dataset))]

    assert [len(stems('train')), len(stems('test'))] == [25, 15]
    tested = []
    for fold in (0, 1):
        monkeypatch.setenv('FOLD', f'{fold}/2')
        train, test = stems('train'), stems('test')
        assert min(abs(int(a[:5]) - int(b[:5])) for a in train for b in test) == 20
        tested += test
    assert sorted(tested) == [f'{number:05d}N' for number in range(0, 160, 4)]


def test_dark_images_without_references_are_measured_on_lol(root, tmp_path, monkeypatch):
    write_files(tmp_path, {**ONE_SENSOR['lol'][1], 'dark/x.png': 20, 'dark/notes.md': ''})
    monkeypatch.setenv('LOL_ROOT', str(tmp_path))
    monkeypatch.setenv('LOWLIGHT_ROOT', str(tmp_path / 'dark'))
    config = load(root, 'lowlight_unpaired')
    train, test = (DATASETS.build(config[f'{part}_dataloader'].dataset) for part in ('train', 'test'))
    assert len(train) == 1 and {key: x.shape for key, x in train[0]['inputs'].items()} == dict(visible=(3, 128, 128))
    assert len(test) == 2 and {key: x.shape for key, x in test[0]['inputs'].items()} == dict(
        visible=(3, 200, 260), reference=(3, 200, 260))


def test_images_under_water_are_split_by_their_number(root, tmp_path, monkeypatch):
    write_files(tmp_path, {f'{folder}/{k:02d}.png': grey for k in range(16)
                           for folder, grey in (('raw-890', 20), ('reference-890', 90))})
    monkeypatch.setenv('UIEB_ROOT', str(tmp_path))
    config = load(root, 'uieb')
    train, test = (DATASETS.build(config[f'{part}_dataloader'].dataset) for part in ('train', 'test'))
    stems = [{Path(part.get_data_info(i)['img_path']).stem for i in range(len(part))} for part in (train, test)]
    assert stems[1] == {'00', '08'} and len(stems[0]) == 14 and not stems[0] & stems[1]
    assert {key: x.shape for key, x in train[0]['inputs'].items()} == dict(
        visible=(3, 128, 128), reference=(3, 128, 128))


def test_pairs_are_made_of_day_images_and_of_natural_ones(root, tmp_path, monkeypatch):
    write_files(tmp_path, {**{f'train/vi/{k}{light}.png': 120 for k in (0, 1) for light in 'DN'},
                           **ONE_SENSOR['lol'][1],
                           **{f'BSDS500/data/images/{part}/{part}.jpg': 120 for part in ('train', 'val', 'test')}})
    for variable in ('MSRS_ROOT', 'LOL_ROOT', 'BSDS_ROOT'):
        monkeypatch.setenv(variable, str(tmp_path))
    config = load(root, 'msrs_lowlight')
    train, test = (DATASETS.build(config[f'{part}_dataloader'].dataset) for part in ('train', 'test'))
    assert [len(train), len(test)] == [2, 2]
    dark = train[0]['inputs']
    assert dark['visible'].float().mean() < 40 and (dark['reference'] == 120).all()
    config = load(root, 'bsds_blur')
    sets = [DATASETS.build(config[f'{part}_dataloader'].dataset) for part in ('train', 'val', 'test')]
    assert [Path(part.get_data_info(0)['img_path']).stem for part in sets] == ['train', 'val', 'test']
    blurred = sets[2][0]['inputs']
    assert blurred['visible'].shape == blurred['reference'].shape == blurred['noise'].shape
    config = load(root, 'bsds_lowlight')
    sets = [DATASETS.build(config[f'{part}_dataloader'].dataset) for part in ('train', 'val', 'test')]
    assert [len(part) for part in sets] == [1, 1, 2]
    dark, same = sets[1][0]['inputs'], sets[1][0]['inputs']
    assert dark['visible'].float().mean() < 70 and (dark['reference'] == 120).all()
    assert torch.equal(dark['visible'], same['visible'])  # what settings are chosen by stays the same
    wide = DATASETS.build(load(root, 'bsds_lowlight_wide').train_dataloader.dataset)
    assert wide[0]['inputs']['visible'].shape == (3, 128, 128) and (wide[0]['inputs']['reference'] == 120).all()


def test_two_real_sets_together(root, tmp_path, monkeypatch):
    folders = [(f'{part}/vi', f'{part}/ir', '') for part in ('train', 'test')]
    for name in ('roadscene', 'msrs'):
        lay_out(tmp_path / name, folders, '')
        monkeypatch.setenv(f'{name.upper()}_ROOT', str(tmp_path / name))
    config = load(root, 'ivif_real_fusion')
    train = DATASETS.build(config.train_dataloader.dataset)
    assert len(train) == 4
    assert train[3]['inputs']['visible'].shape == (3, 96, 96)
    assert [Path(train.get_data_info(i)['img_path']).parts[-4] for i in range(4)] == 2 * ['roadscene'] + 2 * ['msrs']
    assert DATASETS.build(config.val_dataloader.dataset)[0]['inputs']['infrared'].shape == (1, 200, 260)


@pytest.mark.parametrize('name', ['synthetic_ivif_det', 'synthetic_ivif_fusion', 'synthetic_ivif_seg'])
def test_built_in_scenes(name, root):
    leaves = dataset_leaves(load(root, name))
    assert len({leaf['seed'] for leaf in leaves.values()}) == 3
    for leaf in leaves.values():
        packed = DATASETS.build({**leaf, 'length': 1})[0]
        assert packed['inputs']['visible'].shape == (3, 128, 160)
        assert packed['inputs']['infrared'].shape == (1, 128, 160)


@pytest.mark.parametrize('name', ['synthetic_lowlight', 'synthetic_lowlight_det', 'synthetic_lowlight_seg'])
def test_built_in_scenes_of_one_sensor(name, root):
    leaves = dataset_leaves(load(root, name))
    assert [leaf['seed'] for leaf in leaves.values()] == [0, 1, 2]
    for leaf in leaves.values():
        packed = DATASETS.build({**leaf, 'length': 1})[0]
        assert {key: x.shape for key, x in packed['inputs'].items()} == dict(
            visible=(3, 128, 160), reference=(3, 128, 160))


def test_data_configs_of_one_sensor_are_short(root):
    for name in [*ONE_SENSOR, 'lowlight_unpaired', 'boxes', 'lowlight_patches', 'synthetic_lowlight']:
        lines = (root / f'configs/_base_/datasets/{name}.py').read_text().splitlines()
        assert len(lines) <= 40 and lines[0].startswith('# ')


def test_evaluators_build(root):
    for name in LAYOUTS:
        config = load(root, name)
        if name.endswith('_det'):
            assert METRICS.build(config.val_evaluator).classwise
        elif name.endswith('_fusion'):
            assert METRICS.build(config.val_evaluator).metrics
        else:
            assert METRICS.build(config.val_evaluator).metrics == ['mIoU']
        assert config.test_dataloader == config.val_dataloader
