"""A batch that is run for its memory before the training: it changes nothing, and says what does not fit."""
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from kits import resume as kit
from mmfusenas.engine.dry_run import first
from mmfusenas.models.stages import Stages
from mmfusenas.registry import MODELS
from mmfusenas.utils import memory

CPU = torch.device('cpu')


@MODELS.register_module(force=True)
class StagedToy(Stages, kit.ToyModel):
    """The toy (BatchNorm, dropout), with stages; it notes the stage and size of every batch, and may run out."""

    seen: list = []
    error: str | None = None

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.scene, self.task = nn.Identity(), nn.Identity()
        self.scene.with_cp = False

    def forward(self, inputs, data_samples, mode):
        if mode == 'loss':
            self.seen.append((self.stage, len(data_samples)))
            if self.error and len(data_samples) > 1:
                raise RuntimeError(self.error)
            for x in inputs:
                x.mul_(0.9)  # what is done to a batch in place
        return super().forward(inputs, data_samples, mode)


@pytest.fixture(autouse=True)
def nothing_seen(monkeypatch):
    monkeypatch.setattr(StagedToy, 'seen', [])


def config(folder, **options):
    cfg = kit.config(folder, **{'model.type': 'StagedToy'})
    cfg.custom_hooks.append(dict(dict(type='TaskGuidanceHook', by_epoch=False, task_length=5), **options))
    return cfg


@pytest.mark.parametrize('stop', [None, 9])
def test_the_training_is_the_one_without(tmp_path, stop):
    plain = kit.train(config(tmp_path / 'plain', dry_run=False))
    assert len(StagedToy.seen) == 18
    StagedToy.seen.clear()
    if stop:  # in the middle of an epoch and of the stage 'joint'
        kit.train(config(tmp_path / 'dry'), stop=stop)
    runner = kit.train(config(tmp_path / 'dry'), resume=stop is not None)
    assert StagedToy.seen[:3] == [('joint', 1), ('joint', 4), ('task', 4)]
    assert len(StagedToy.seen) == 20 + (2 if stop else 0)  # a resume runs one sample, and one batch again
    assert kit.differences(kit.state(plain), kit.state(runner)) == []


def test_where_it_begins_jointly_one_sample_is_enough(tmp_path):
    kit.train(config(tmp_path, task_length=0), stop=1)
    assert StagedToy.seen == [('joint', 1), ('joint', 4)]


def test_without_a_joint_stage_ahead_there_is_nothing_to_run(tmp_path):
    kit.train(config(tmp_path, scene_length=5, task_length=0, final_stage='task'), stop=1)
    assert StagedToy.seen == [('scene', 4)]


def test_a_batch_that_will_not_fit_is_refused_before_it_runs(tmp_path, monkeypatch):
    peaks = iter([3_000_000_000])
    monkeypatch.setattr(memory, 'used', lambda device: 1_000_000_000)
    monkeypatch.setattr(memory, 'peak', lambda device: next(peaks))
    monkeypatch.setattr(memory, 'available', lambda device: 7_500_000_000)
    with pytest.raises(MemoryError, match="batch of 4 does not fit .* 'joint'.*8.0 GB.*7.5 GB") as found:
        kit.train(config(tmp_path))
    assert StagedToy.seen == [('joint', 1)]
    assert all(change in str(found.value) for change in ('batch_size', 'crops', 'model.scene.with_cp=True', '--amp'))


def test_a_batch_that_fits_is_said_to(tmp_path, monkeypatch):
    peaks = iter([3_000_000_000, 8_000_000_000])
    monkeypatch.setattr(memory, 'used', lambda device: 1_000_000_000)
    monkeypatch.setattr(memory, 'peak', lambda device: next(peaks))
    monkeypatch.setattr(memory, 'available', lambda device: 8_500_000_000)
    cfg = config(tmp_path)
    cfg.log_level = 'INFO'
    runner = kit.train(cfg, stop=1)
    log = next(Path(runner.log_dir).glob('*.log')).read_text()
    assert "A batch of 4 takes 7.0 GB in the stage 'joint'; 8.5 GB were free." in log


@pytest.mark.parametrize('error, raised', [
    ('[enforce fail] DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes', MemoryError),
    ('CUDA out of memory. Tried to allocate 20 MiB', MemoryError), ('sizes do not match', RuntimeError)])
def test_what_runs_out_while_it_runs(tmp_path, monkeypatch, error, raised):
    monkeypatch.setattr(StagedToy, 'error', error)
    with pytest.raises(raised, match=error.split(':')[0].replace('[', r'\[')) as found:
        kit.train(config(tmp_path))
    assert ('train_dataloader.batch_size' in str(found.value)) == (raised is MemoryError)


def test_first_samples_of_a_batch():
    batch = dict(inputs=dict(visible=[1, 2, 3], infrared=torch.arange(3)), data_samples=['a', 'b', 'c'])
    two = first(batch, 2)
    assert two['inputs']['visible'] == [1, 2] and two['inputs']['infrared'].tolist() == [0, 1]
    assert two['data_samples'] == ['a', 'b']


@pytest.mark.skipif(sys.platform != 'linux', reason='asks the kernel of Linux')
def test_the_peak_of_a_process():
    memory.reset_peak(CPU)
    before = memory.used(CPU)
    block = torch.ones(50_000_000)  # 200 MB
    del block
    memory.empty_cache(CPU)
    assert memory.peak(CPU) - before > 150_000_000 > memory.used(CPU) - before


@pytest.mark.parametrize('machine, groups, left', [
    (2000, [], 2048000), (2000, [3000000, 1000], 1000), (0, [5], 5), (0, [], sys.maxsize)])
def test_what_is_to_be_had_is_the_least_of_machine_and_limits(monkeypatch, machine, groups, left):
    files = {'/proc/meminfo': f'MemTotal: 9000 kB\nMemAvailable: {machine} kB\n'} if machine else {}
    monkeypatch.setattr(memory, '_text', lambda path: files.get(str(path), ''))
    monkeypatch.setattr(memory, 'left_in_groups', lambda: groups)
    assert memory.available(CPU) == left


@pytest.mark.parametrize('limits, line, files, left', [
    ((None, '1000'), '0::/outer/inner', ('memory.max', 'memory.current', 'inactive_file'), [900]),
    (('500', '1000'), '0::/outer/inner', ('memory.max', 'memory.current', 'inactive_file'), [400, 900]),
    (('500', 'max'), '0::/outer/inner', ('memory.max', 'memory.current', 'inactive_file'), [400]),
    (('500', '1000'), '4:memory:/outer/inner',
     ('memory/memory.limit_in_bytes', 'memory/memory.usage_in_bytes', 'memory/total_inactive_file'), [400, 900]),
    (('500', '1000'), '5:cpu,cpuacct:/outer/inner',
     ('memory/memory.limit_in_bytes', 'memory/memory.usage_in_bytes', 'memory/total_inactive_file'), []),
    ((None, None), '0::/', ('memory.max', 'memory.current', 'inactive_file'), [])])
def test_limits_of_control_groups(tmp_path, limits, line, files, left):
    folder, returned = Path(files[0]).parent, Path(files[2]).name
    for group, limit in zip(('outer/inner', 'outer'), limits):
        if limit:
            path = tmp_path / folder / group
            path.mkdir(parents=True, exist_ok=True)
            (path / Path(files[0]).name).write_text(f'{limit}\n')
            (path / Path(files[1]).name).write_text('130\n')
            (path / 'memory.stat').write_text(f'anon 100\n{returned} 30\n')
    (tmp_path / 'membership').write_text(f'{line}\n')
    assert list(memory.left_in_groups(tmp_path, tmp_path / 'membership')) == left
