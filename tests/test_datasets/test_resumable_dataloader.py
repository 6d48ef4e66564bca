"""Dataloaders whose position can be set."""
import random

import pytest
import torch
from mmengine.dataset import BaseDataset
from mmengine.dist import utils as dist_utils
from mmengine.registry import DATA_SAMPLERS
from torch.utils.data import DataLoader, Sampler

from mmfusenas.datasets.resumable_dataloader import BatchStream, build_resumable_dataloader
from mmfusenas.datasets.samplers import ResumableBatchSampler, ResumableSampler


class _Shapes(BaseDataset):
    """Samples 0 to size - 1, every third one upright."""

    def __init__(self, size=11, **kwargs):
        self.size = size
        super().__init__(serialize_data=False, **kwargs)

    def load_data_list(self):
        return [dict(number=n, width=1 if n % 3 == 0 else 3, height=2) for n in range(self.size)]


def _draw(results):
    return results['number'], random.random()


def _collate(samples):
    return samples


def _loader(endless=False, seed=0, size=11, **changes):
    cfg = dict(dataset=dict(type=_Shapes, size=size, pipeline=[_draw]), batch_size=3, num_workers=0,
               sampler=dict(type='DefaultSampler', shuffle=True), collate_fn=_collate)
    cfg.update(changes)
    return build_resumable_dataloader(cfg, seed=seed, endless=endless)


def _batches(loader, epoch, start=0):
    loader.batch_sampler.set_position(epoch, start)
    return list(loader)


@pytest.mark.parametrize('options', [
    dict(), dict(drop_last=True), dict(num_workers=2, persistent_workers=True), dict(num_workers=1),
    dict(sampler=dict(type='DefaultSampler', shuffle=False)), dict(num_batch_per_epoch=2)])
def test_an_epoch_continues_from_any_batch(options):
    loader = _loader(**options)
    whole = _batches(loader, epoch=2)
    assert len(whole) == len(loader) == (2 if 'num_batch_per_epoch' in options else 3 if 'drop_last' in options else 4)
    for start in range(len(loader) + 1):
        assert _batches(_loader(**options), 2, start) == whole[start:]
        assert _batches(loader, 2, start) == whole[start:]  # once more from the same workers


def test_epochs_hold_all_samples_and_differ():
    loader = _loader()
    assert type(loader.batch_sampler) is ResumableBatchSampler
    assert type(loader.batch_sampler.sampler) is ResumableSampler
    numbers = [[number for batch in _batches(loader, epoch) for number, _ in batch] for epoch in (0, 1)]
    assert sorted(numbers[0]) == sorted(numbers[1]) == list(range(11))
    assert numbers[0] != numbers[1]
    plain = _loader(sampler=dict(type='DefaultSampler', shuffle=False))
    assert [number for batch in _batches(plain, 1) for number, _ in batch] == list(range(11))
    # No order, but augmentation of its own in each epoch.
    assert _batches(plain, 1)[0][0][1] != _batches(plain, 2)[0][0][1]


def test_reseed_is_as_if_built_with_the_seed():
    loader = _loader(seed=0)
    first = _batches(loader, 1)
    loader.batch_sampler.reseed(7)
    assert _batches(loader, 1) == _batches(_loader(seed=7), 1) != first


def test_workers_do_not_change_the_samples():
    assert _batches(_loader(), 3) == _batches(_loader(num_workers=2), 3)


def test_training_generator_is_not_touched():
    torch.manual_seed(3)
    before = torch.get_rng_state()
    _batches(_loader(num_workers=1), 0)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize('workers', [0, 2])
def test_stream_goes_on_where_it_was(workers):
    stream = BatchStream(_loader(endless=True, num_workers=workers))
    batches = [next(stream) for _ in range(12)]
    assert [len(batch) for batch in batches] == [3] * 12 and stream.position == 12
    numbers = [number for batch in batches for number, _ in batch]
    assert sorted(numbers[:11]) == sorted(numbers[11:22]) == list(range(11))
    again = BatchStream(_loader(endless=True))
    again.seek(5)
    assert [next(again) for _ in range(7)] == batches[5:]
    stream.seek(2)
    assert next(stream) == batches[2]


@pytest.mark.parametrize('round_up, sizes', [(True, (6, 6)), (False, (6, 5))])
def test_processes_share_an_epoch(monkeypatch, round_up, sizes):
    codes = []
    for rank in (0, 1):
        monkeypatch.setattr(dist_utils, 'get_rank', lambda group=None, rank=rank: rank)
        monkeypatch.setattr(dist_utils, 'get_world_size', lambda group=None: 2)
        loader = _loader(sampler=dict(type='DefaultSampler', shuffle=True, round_up=round_up))
        assert len(loader.batch_sampler.sampler) == sizes[rank]
        codes.append([code for batch in loader.batch_sampler for code in batch])
    assert tuple(map(len, codes)) == sizes
    assert set(codes[0] + codes[1]) == set(range(11))
    assert len(set(codes[0]) & set(codes[1])) == (1 if round_up else 0)


def test_batch_sampler_with_buckets_continues():
    pytest.importorskip('mmdet', exc_type=ImportError)
    options = dict(batch_sampler=dict(type='mmdet.AspectRatioBatchSampler'))
    loader = _loader(**options)
    whole = _batches(loader, epoch=1)
    assert len(whole) == len(loader) == 4
    assert {number % 3 == 0 for number, _ in whole[0]} in ({True}, {False})
    for start in range(5):
        assert _batches(loader, 1, start) == whole[start:]
    assert [len(batch) for batch in _batches(_loader(drop_last=True, **options), 1)] == [3, 3, 3]


@DATA_SAMPLERS.register_module(force=True)
class _Backwards(Sampler):
    def __init__(self, dataset, seed):
        self.dataset = dataset


def test_other_samplers_are_refused():
    with pytest.raises(TypeError, match='sampler.*_Backwards.*DefaultSampler'):
        _loader(sampler=dict(type='_Backwards'))


def test_built_dataloader_is_refused():
    with pytest.raises(TypeError, match='needs the dataloader as a config .* got a DataLoader'):
        build_resumable_dataloader(DataLoader([1, 2]), seed=0)


def test_empty_dataset_is_an_error():
    with pytest.raises(ValueError, match='training dataset _Shapes is empty'):
        _loader(size=0)
