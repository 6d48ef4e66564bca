"""Several fusion tasks in turn, and the medical pairs among them."""
import cv2
import numpy as np
import pytest
from mmengine.config import Config

from mmfusenas.datasets import AlternatingDataset, HarvardDataset, SeededDataset
from mmfusenas.datasets.problems import DatasetError
from mmfusenas.registry import DATASETS


def harvard(root, number=4):
    generator = np.random.default_rng(0)
    for modality in ('ct', 'pet', 'spect'):
        for part in ('train', 'test'):
            for kind in ('mri', modality):
                folder = root / f'mri_{modality}/{part}/{kind}'
                folder.mkdir(parents=True)
                for k in range(number):
                    shape = (80, 90, 3) if kind in ('pet', 'spect') else (80, 90)
                    cv2.imwrite(str(folder / f'25{k:03d}.png'), generator.integers(0, 256, shape, np.uint8))
    return root


def test_the_functional_image_keeps_its_colour(tmp_path):
    harvard(tmp_path)
    pipeline = [dict(type='LoadPairFromFile'), dict(type='PackPairInputs')]
    pet = HarvardDataset('pet', data_root=str(tmp_path), pipeline=pipeline)
    colour = cv2.imread(str(tmp_path / 'mri_pet/train/pet/25000.png'))
    mri = cv2.imread(str(tmp_path / 'mri_pet/train/mri/25000.png'), 0)
    inputs = pet[0]['inputs']
    assert (inputs['visible'].permute(1, 2, 0).numpy() == colour).all()
    assert (inputs['infrared'][0].numpy() == mri).all()
    assert 'test/ct' in HarvardDataset('ct', 'test', data_root=str(tmp_path)).get_data_info(0)['img_path']


def test_another_modality_and_a_missing_folder_are_errors(tmp_path):
    with pytest.raises(ValueError, match="modality='mr'"):
        HarvardDataset('mr')
    with pytest.raises(DatasetError, match='mri_pet'):
        HarvardDataset('pet', data_root=str(tmp_path))


def test_an_epoch_is_one_task_and_small_ones_start_again():
    tasks = AlternatingDataset([
        dict(type='SyntheticScenes', length=length, size=(64, 80), conditions=[condition])
        for length, condition in ((2, 'day'), (3, 'night'))])
    seeded = SeededDataset(tasks, seed=0)
    assert len(seeded) == 3
    for epoch, condition in enumerate(('day', 'night', 'day')):
        found = [seeded[seeded.encode(epoch, index)] for index in range(3)]
        assert {sample['condition'] for sample in found} == {condition}
        assert [sample['img_id'] for sample in found] == [0, 1, 0 if condition == 'day' else 2]
    with pytest.raises(ValueError, match='no data sets'):
        AlternatingDataset([])


def test_the_paper_s_tasks_are_halved_between_weights_and_choices(tmp_path, root, monkeypatch):
    harvard(tmp_path)
    for part in ('train', 'test'):
        for kind in ('vi', 'ir'):
            (tmp_path / part / kind).mkdir(parents=True)
            for k in range(4):
                cv2.imwrite(str(tmp_path / part / kind / f'{k}.png'), np.full((100, 120), 10 * k, np.uint8))
    monkeypatch.setenv('HARVARD_ROOT', str(tmp_path))
    monkeypatch.setenv('ROADSCENE_ROOT', str(tmp_path))
    config = Config.fromfile(root / 'configs/_base_/datasets/real_fusion_tasks.py')
    training = [DATASETS.build(task) for task in config.train_dataloader.dataset.datasets]
    search = [DATASETS.build(loader.dataset) for loader in config.search_dataloader]
    assert len(training) == len(search) == 4
    for first, second in zip(training, search):
        paths = [{part.get_data_info(i)['img_path'] for i in range(len(part))} for part in (first, second)]
        assert len(paths[0]) == len(paths[1]) == 2 and not paths[0] & paths[1]
        assert first[0]['inputs']['visible'].shape == (3, 64, 64)
