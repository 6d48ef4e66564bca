"""The dataset configs build as they are, on data in their published layout."""
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from mmengine.dataset import pseudo_collate

from mmfusenas.datasets.leaves import dataset_leaves
from mmfusenas.models.data_preprocessors import PairDataPreprocessor
from mmfusenas.registry import DATASETS, METRICS

YOLO = '2 0.5 0.5 0.25 0.25\n'
VOC = ('<annotation><object><name>{}</name><bndbox><xmin>8</xmin><ymin>9</ymin><xmax>40</xmax><ymax>50</ymax></bndbox>'
       '</object></annotation>')
# config -> environment variable, folders of visible and infrared pictures and annotations, annotation
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


def test_two_real_sets_together(root, tmp_path, monkeypatch):
    folders = [(f'{part}/vi', f'{part}/ir', '') for part in ('train', 'test')]
    for name in ('roadscene', 'msrs'):
        lay_out(tmp_path / name, folders, '')
        monkeypatch.setenv(f'{name.upper()}_ROOT', str(tmp_path / name))
    config = load(root, 'ivif_real_fusion')
    train = DATASETS.build(config.train_dataloader.dataset)
    assert len(train) == 4
    assert train[3]['inputs']['visible'].shape == (3, 64, 64)
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


def test_evaluators_build(root):
    for name in LAYOUTS:
        config = load(root, name)
        if name.endswith('_det'):
            assert METRICS.build(config.val_evaluator).classwise
        elif name.endswith('_fusion'):
            assert METRICS.build(config.val_evaluator).measures
        else:
            assert METRICS.build(config.val_evaluator).metrics == ['mIoU']
        assert config.test_dataloader == config.val_dataloader
