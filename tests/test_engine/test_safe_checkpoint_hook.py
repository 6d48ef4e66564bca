"""Checkpoint files: what they hold, how they follow each other, and what a failure leaves."""
import json
import os
import pickle
import resource
import shutil
from pathlib import Path

import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.hooks import Hook

from kits import resume as kit
from mmfusenas.engine.hooks import SafeCheckpointHook
from mmfusenas.registry import HOOKS, MODELS
from mmfusenas.utils.checkpoint import latest_checkpoint, load_checkpoint, save_checkpoint
from mmfusenas.utils.stored_config import MODEL_PARTS, from_text


def _files(folder):
    return sorted(path.name for path in folder.iterdir() if path.suffix in ('.pth', '.partial'))


def _last(folder):
    return Path((folder / 'last_checkpoint').read_text()).name


def test_checkpoint_is_plain_and_rebuilds_its_model(tmp_path):
    runner = kit.train(kit.config(tmp_path), stop=9)
    checkpoint = torch.load(tmp_path / 'iter_8.pth', weights_only=True)
    assert checkpoint['meta']['epoch'] == 1 and checkpoint['meta']['iter'] == 8 and checkpoint['meta']['seed'] == 5
    resume = checkpoint['resume']
    assert resume['world_size'] == 1 and len(resume['random_states']) == 1
    assert resume['train_loop'] == dict(loop='ResumableEpochTrainLoop', samples=22, batch_size=4, batches_per_epoch=6,
                                        optimizer=dict(type='SGD', lr=0.01, momentum=0.9, weight_decay=1e-3),
                                        param_scheduler=list(map(dict, runner.cfg.param_scheduler)), validated=False)
    assert json.loads(checkpoint['meta']['cfg'])['optim_wrapper']['optimizer']['type'] == 'SGD'
    assert 'cfg' not in checkpoint['message_hub']['runtime_info']
    model = MODELS.build(ConfigDict(from_text(checkpoint['meta']['model_cfg'], MODEL_PARTS, 'it')))
    model.load_state_dict(checkpoint['state_dict'])
    assert type(model) is type(runner.model)


def test_old_files_go_and_the_pointer_follows(tmp_path):
    kit.train(kit.config(tmp_path, interval=4))
    # Every fourth iteration, the last, and those whose validation was the best; two are kept beside the best.
    assert [name for name in _files(tmp_path) if name.startswith('iter')] == ['iter_16.pth', 'iter_18.pth']
    assert len([name for name in _files(tmp_path) if name.startswith('best_mAP_iter')]) == 1
    assert _last(tmp_path) == 'iter_18.pth'


@pytest.mark.parametrize('absolute', [False, True])
def test_a_copied_folder_goes_on_from_its_own_files(tmp_path, absolute):
    kit.train(kit.config(tmp_path / 'work'), stop=9)
    pointer = tmp_path / 'work/last_checkpoint'
    assert pointer.read_text() == 'iter_8.pth'
    if absolute:  # as MMEngine writes it
        pointer.write_text(str(tmp_path / 'work/iter_8.pth'))
    shutil.copytree(tmp_path / 'work', tmp_path / 'copy')
    assert latest_checkpoint(tmp_path / 'copy') == tmp_path / 'copy/iter_8.pth'
    shutil.rmtree(tmp_path / 'work')
    assert kit.train(kit.config(tmp_path / 'copy'), resume=True).iter == 18


def test_the_pointer_to_a_folder_elsewhere(tmp_path):
    (tmp_path / 'work').mkdir()
    assert latest_checkpoint(tmp_path / 'work') is None
    (tmp_path / 'work/last_checkpoint').write_text(f'{tmp_path}/other/epoch_1.pth\n')
    assert latest_checkpoint(tmp_path / 'work') == tmp_path / 'other/epoch_1.pth'


def test_a_resumed_checkpoint_names_no_file_elsewhere_to_remove(tmp_path):
    kit.train(kit.config(tmp_path / 'work'), stop=9)
    (tmp_path / 'other.pth').touch()
    last = tmp_path / 'work' / _last(tmp_path / 'work')
    content = load_checkpoint(last)
    content['message_hub']['runtime_info'].update(best_ckpt=str(tmp_path / 'other.pth'), best_score=-1000.0)
    save_checkpoint(content, last)
    runner = kit.train(kit.config(tmp_path / 'work'), resume=True)
    assert Path(runner.message_hub.get_info('best_ckpt')).parent == tmp_path / 'work'
    assert (tmp_path / 'other.pth').exists()


def _die_at(monkeypatch, function, count):
    """Let the ``count``-th call of an ``os`` function be the run's last, as if it had been killed there."""
    original, calls = getattr(os, function), []

    def call(*args, **kwargs):
        calls.append(args)
        if len(calls) == count:
            raise KeyboardInterrupt
        return original(*args, **kwargs)

    monkeypatch.setattr(os, function, call)


def test_old_file_is_removed_only_after_the_new_one_is_in_place(tmp_path, monkeypatch):
    # Moves: iter_4 and its pointer, iter_8 and its pointer. The second move of iter_8 is its pointer's.
    cfg = dict(ema=False, **{'default_hooks.checkpoint.max_keep_ckpts': 1, 'default_hooks.checkpoint.save_best': None})
    with monkeypatch.context() as patch:
        _die_at(patch, 'replace', 3)
        kit.train(kit.config(tmp_path, **cfg))
    assert _files(tmp_path) == ['iter_4.pth'] and _last(tmp_path) == 'iter_4.pth'
    with monkeypatch.context() as patch:
        _die_at(patch, 'replace', 2)
        kit.train(kit.config(tmp_path, **cfg), resume=True)
    assert _files(tmp_path) == ['iter_4.pth', 'iter_8.pth'] and _last(tmp_path) == 'iter_4.pth'
    runner = kit.train(kit.config(tmp_path, **cfg), resume=True)
    assert _files(tmp_path) == ['iter_18.pth'] and kit.hook_of(runner, 'RecordHook').losses[0][0] == 4


def test_outdated_file_of_a_killed_run_is_removed_by_the_next(tmp_path, monkeypatch):
    cfg = dict(ema=False, **{'default_hooks.checkpoint.max_keep_ckpts': 1, 'default_hooks.checkpoint.save_best': None})
    with monkeypatch.context() as patch:
        patch.setattr(SafeCheckpointHook, '_remove', lambda self, path: (_ for _ in ()).throw(KeyboardInterrupt))
        kit.train(kit.config(tmp_path, **cfg))
    assert _files(tmp_path) == ['iter_4.pth', 'iter_8.pth'] and _last(tmp_path) == 'iter_8.pth'
    kit.train(kit.config(tmp_path, **cfg), stop=9, resume=True)
    assert _files(tmp_path) == ['iter_8.pth']


def test_leftovers_of_a_killed_run_are_removed_at_the_start(tmp_path):
    (tmp_path / 'iter_4.pth.partial').write_bytes(b'half')
    kit.train(kit.config(tmp_path), stop=1)
    assert _files(tmp_path) == []


def test_full_disk_ends_in_one_message_and_leaves_the_last_checkpoint(tmp_path):
    cfg = dict(ema=False, loop='iter', **{'default_hooks.checkpoint.save_best': None})
    kit.train(kit.config(tmp_path, **cfg), stop=4)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    # Writing fails in the middle of the file, as on a full disk.
    resource.setrlimit(resource.RLIMIT_FSIZE, ((tmp_path / 'iter_4.pth').stat().st_size - 5000, limits[1]))
    try:
        with pytest.raises(OSError, match=r'iter_8\.pth was not written\. .* MB are free there.* with --resume'):
            kit.train(kit.config(tmp_path, **cfg), resume=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert _files(tmp_path) == ['iter_4.pth'] and _last(tmp_path) == 'iter_4.pth'
    whole = kit.train(kit.config(tmp_path / 'whole', **cfg))
    rest = kit.train(kit.config(tmp_path, **cfg), resume=True)
    assert kit.differences(kit.state(whole), kit.state(rest)) == []


def test_best_is_kept_until_a_better_one_is_written(tmp_path, monkeypatch):
    scores = iter([0.5, 0.7, 0.6])
    monkeypatch.setattr(kit.ToyMetric, 'compute_metrics', lambda self, results: dict(mAP=next(scores)))
    kit.train(kit.config(tmp_path, by_epoch=True, interval=1, ema=False))
    assert _files(tmp_path) == ['best_mAP_epoch_2.pth', 'epoch_2.pth', 'epoch_3.pth']
    best = torch.load(tmp_path / 'best_mAP_epoch_2.pth', weights_only=True)
    # Of the weights alone: enough to test and to build upon, not to resume.
    assert best['meta']['epoch'] == 2 and 'optimizer' not in best and 'resume' not in best


def test_killed_while_writing_the_best_one(tmp_path, monkeypatch):
    monkeypatch.setattr(kit.ToyMetric, 'compute_metrics', lambda self, results: dict(mAP=next(scores)))
    scores = iter([0.5, 0.7, 0.6])
    cfg = dict(by_epoch=True, interval=1, ema=False)
    with monkeypatch.context() as patch:
        # epoch_1, pointer; best, epoch_1 again, pointer; epoch_2, pointer; best
        _die_at(patch, 'replace', 8)
        kit.train(kit.config(tmp_path, **cfg))
    assert _files(tmp_path) == ['best_mAP_epoch_1.pth', 'epoch_1.pth', 'epoch_2.pth']
    scores = iter([0.7, 0.6])
    kit.train(kit.config(tmp_path, **cfg), resume=True)
    assert _files(tmp_path) == ['best_mAP_epoch_2.pth', 'epoch_2.pth', 'epoch_3.pth']


def test_several_best_metrics(tmp_path, monkeypatch):
    values = iter([dict(mAP=0.5, loss=1.), dict(mAP=0.4, loss=0.5), dict(mAP=0.6)])
    monkeypatch.setattr(kit.ToyMetric, 'compute_metrics', lambda self, results: next(values))
    kit.train(kit.config(tmp_path, by_epoch=True, interval=1, ema=False,
                         **{'default_hooks.checkpoint.save_best': ['mAP', 'loss']}))
    assert _files(tmp_path) == ['best_loss_epoch_2.pth', 'best_mAP_epoch_3.pth', 'epoch_2.pth', 'epoch_3.pth']


def test_validation_without_the_metric_is_passed_over(tmp_path):
    runner = kit.train(kit.config(tmp_path, by_epoch=True, interval=1, **{'val_evaluator.silent': 2}))
    assert [name for name in _files(tmp_path) if 'best' in name] == ['best_mAP_epoch_3.pth']
    log = next(Path(runner.log_dir).glob('*.log')).read_text()
    assert 'This validation gave no mAP' in log and 'It gave: other.' in log


def test_metric_that_never_came_is_no_reason_to_fail(tmp_path):
    kit.train(kit.config(tmp_path, by_epoch=True, interval=1, ema=False, **{
        'val_evaluator.silent': 9, 'default_hooks.checkpoint.published_keys': ['meta', 'state_dict'],
        'default_hooks.checkpoint.save_best': ['mAP', 'other'], 'default_hooks.checkpoint.rule': 'greater'}))
    assert [name for name in _files(tmp_path) if name.startswith('best_mAP')] == []
    assert len([name for name in _files(tmp_path) if name.startswith('best_other_epoch_1-')]) == 1


def test_resume_from_the_best_one_says_that_it_is_not_exact(tmp_path):
    kit.train(kit.config(tmp_path, by_epoch=True, interval=1, ema=False))
    best = next(tmp_path.glob('best_*.pth'))
    runner = kit.train(kit.config(tmp_path, ema=False, load_from=str(best)), resume=True)
    assert 'holds no random state' in next(Path(runner.log_dir).glob('*.log')).read_text()


@HOOKS.register_module(force=True)
class _ForeignHook(Hook):
    """Puts an object of its own into the checkpoint."""

    def before_save_checkpoint(self, runner, checkpoint):
        checkpoint['search'] = Path('x')


def test_checkpoint_that_would_not_load_again_is_refused(tmp_path):
    cfg = kit.config(tmp_path)
    cfg.custom_hooks.append(dict(type='_ForeignHook'))
    with pytest.raises(TypeError, match='was given pathlib.* and was not written'):
        kit.train(cfg)
    assert _files(tmp_path) == []


@pytest.mark.parametrize('option, message', [
    (dict(intervall=2), "no option intervall; the nearest is 'interval'"),
    (dict(backend_args=dict()), 'no option backend_args'),
])
def test_unknown_options(option, message):
    with pytest.raises(TypeError, match=message):
        SafeCheckpointHook(**option)


def test_remote_folder_is_refused():
    with pytest.raises(ValueError, match='needs a local out_dir, got s3://somewhere'):
        SafeCheckpointHook(out_dir='s3://somewhere')


@pytest.mark.parametrize('resume', [True, False])
def test_runner_runs_no_code_of_a_checkpoint(tmp_path, trap, resume):
    path = tmp_path / 'malicious.pth'
    torch.save(dict(meta=dict(epoch=1, iter=6), state_dict={}, message_hub=trap), path)
    with pytest.raises(pickle.UnpicklingError, match=r'malicious\.pth carries code .posix\.mkdir'):
        kit.train(kit.config(tmp_path / 'run', load_from=str(path)), resume=resume)
    assert not (tmp_path / 'trap').exists()


def test_a_checkpoint_of_another_model_is_neither_resumed_nor_loaded(tmp_path):
    kit.train(kit.config(tmp_path / 'a', ema=False), stop=9)
    path = next((tmp_path / 'a').glob('iter_*.pth'))
    content = torch.load(path, weights_only=True)
    first = next(iter(content['state_dict']))
    content['state_dict'][f'other.{first}'] = content['state_dict'].pop(first)
    torch.save(content, tmp_path / 'partly.pth')
    with pytest.raises(ValueError, match='fits [1-9][0-9]?% of'):
        kit.train(kit.config(tmp_path / 'b', ema=False, load_from=str(tmp_path / 'partly.pth')), resume=True)
    kit.train(kit.config(tmp_path / 'c', ema=False, load_from=str(tmp_path / 'partly.pth')), stop=1)
    # Another genotype, which shares a layer or two.
    less = {name: value for name, value in content['state_dict'].items() if value.numel() < 4}
    torch.save(dict(state_dict=less), tmp_path / 'less.pth')
    with pytest.raises(ValueError, match='fits [1-4]?[0-9]% of .* Set load_from'):
        kit.train(kit.config(tmp_path / 'e', ema=False, load_from=str(tmp_path / 'less.pth')))
    torch.save(dict(state_dict=dict(x=torch.zeros(1))), tmp_path / 'none.pth')
    with pytest.raises(ValueError, match='fits 0% of .* Set load_from'):
        kit.train(kit.config(tmp_path / 'd', ema=False, load_from=str(tmp_path / 'none.pth')))
