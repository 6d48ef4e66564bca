"""A sample of a SeededDataset depends on seed, epoch and index, and leaves no trace in the generators."""
import pickle
import random

import numpy as np
import pytest
import torch
from mmengine.dataset import BaseDataset, Compose

from mmfusenas.datasets import SeededDataset


class _Numbers(BaseDataset):
    METAINFO = dict(classes=('a',))

    def load_data_list(self):
        return [dict(number=number) for number in range(5)]

    def get_cat_ids(self, idx):
        return [idx]


def _draw(results):
    return results['number'], random.random(), np.random.rand(), float(torch.rand(()))


def _other(results):
    return 'other'


def _dataset(seed=0):
    return SeededDataset(_Numbers(pipeline=[_draw]), seed=seed)


def test_sample_depends_on_seed_epoch_and_index_alone():
    dataset = _dataset()
    first = dataset[dataset.encode(3, 2)]
    random.random(), np.random.rand(), torch.rand(7)
    assert dataset[dataset.encode(3, 2)] == first
    assert first[0] == 2
    others = [dataset[dataset.encode(2, 3)], dataset[dataset.encode(4, 2)], _dataset(seed=1)[3 * 5 + 2]]
    assert all(value not in first[1:] for other in others for value in other[1:])


def test_generators_are_left_as_they_were():
    random.seed(4), np.random.seed(4), torch.manual_seed(4)
    expected = random.random(), np.random.rand(), float(torch.rand(()))
    random.seed(4), np.random.seed(4), torch.manual_seed(4)
    _dataset()[7]
    assert (random.random(), np.random.rand(), float(torch.rand(()))) == expected


def test_code_and_back():
    dataset = _dataset()
    assert [dataset.encode(0, 4), dataset.encode(2, 3)] == [4, 13]
    assert [dataset.decode(4), dataset.decode(13)] == [(0, 4), (2, 3)]
    assert dataset.get_data_info(13)['number'] == 3
    assert dataset.get_cat_ids(13) == [3]


def test_stands_in_for_the_dataset():
    dataset = pickle.loads(pickle.dumps(_dataset()))
    assert len(dataset) == 5
    assert dataset.metainfo == dict(classes=('a',))
    assert dataset.get_subset([1, 2]).get_data_info(1)['number'] == 2
    dataset.pipeline = Compose([_other])  # as mmdet's PipelineSwitchHook does
    assert dataset.dataset.pipeline is dataset.pipeline
    assert dataset[8] == 'other'
    with pytest.raises(AttributeError, match='nothing_of_that_name'):
        getattr(dataset, 'nothing_of_that_' + 'name')
