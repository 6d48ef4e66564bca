"""A run that is stopped and resumed is, bit for bit, the run that was not."""
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from kits import resume as kit
from mmfusenas.utils.stop_signals import StopSignals


@pytest.mark.parametrize('loop, by_epoch, interval, workers, ema, stops', [
    # Before the first checkpoint; between two; inside the second epoch; on an epoch's last batch.
    ('epoch', False, 2, 0, True, (1, 5, 9, 12)),
    ('epoch', True, 1, 0, False, (8, 17)),
    ('epoch', False, 4, 2, True, (7, 14)),
    ('iter', False, 3, 0, True, (3, 11)),
    # A validation is due at 5, 10 and 15, just after the checkpoint of that iteration.
    ('iter', False, 5, 2, False, (10, 17)),
])
def test_resumed_run_is_the_same(tmp_path, loop, by_epoch, interval, workers, ema, stops):
    options = dict(loop=loop, by_epoch=by_epoch, interval=interval, workers=workers, ema=ema)
    whole = kit.train(kit.config(tmp_path / 'whole', **options))
    records = kit.hook_of(whole, 'RecordHook').losses
    assert [record[0] for record in records] == list(range(18))
    expected = kit.state(whole)
    for stop in (*stops, None):
        part = kit.train(kit.config(tmp_path / 'parts', **options), stop=stop, resume=True)
        for record in kit.hook_of(part, 'RecordHook').losses:
            assert record == records[record[0]]
    assert kit.hook_of(part, 'RecordHook').losses[0][0] > 0
    assert kit.differences(expected, kit.state(part)) == []


@pytest.mark.parametrize('loop, by_epoch, workers', [('epoch', True, 2), ('epoch', False, 0), ('iter', False, 0)])
def test_ctrl_c_saves_what_a_resume_needs(tmp_path, loop, by_epoch, workers):
    options = dict(loop=loop, by_epoch=by_epoch, interval=1 if by_epoch else 4, workers=workers)
    whole = kit.train(kit.config(tmp_path / 'whole', **options))
    folder = tmp_path / 'parts'
    # Before the first checkpoint, on an epoch's last batch and after that epoch, right after a resume.
    for stop, epoch in ((3, False), (6, False), (6, True), (7, False)):
        if epoch and loop == 'iter':
            continue
        cfg = kit.config(folder, **options)
        cfg.custom_hooks.append(dict(type='SignalHook', at=stop, numbers=[signal.SIGINT], epoch=epoch))
        part = kit.train(cfg, resume=True)
        assert part.iter == stop
        # The checkpoint of the epoch has just been written.
        assert (folder / 'last_checkpoint').read_text() == ('epoch_1.pth' if epoch and by_epoch else 'stopped.pth')
    part = kit.train(kit.config(folder, **options), resume=True)
    assert [record[0] for record in kit.hook_of(part, 'RecordHook').losses] == list(range(7, 18))
    assert kit.differences(kit.state(whole), kit.state(part)) == []
    assert not (folder / 'stopped.pth').exists()


@pytest.mark.parametrize('loop, by_epoch, epoch, last', [
    ('epoch', True, False, 'epoch_3.pth'), ('epoch', True, True, 'epoch_3.pth'), ('epoch', False, False, 'iter_18.pth'),
    ('epoch', False, True, 'iter_18.pth'), ('iter', False, False, 'iter_18.pth')])
def test_a_signal_in_the_last_iteration_leaves_the_last_checkpoint(tmp_path, loop, by_epoch, epoch, last):
    options = dict(loop=loop, by_epoch=by_epoch, interval=1 if by_epoch else 4)
    whole = kit.train(kit.config(tmp_path / 'whole', **options))
    folder = tmp_path / 'parts'
    cfg = kit.config(folder, **options)
    cfg.custom_hooks.append(dict(type='SignalHook', at=18, numbers=[signal.SIGTERM], epoch=epoch))
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        kit.train(cfg)
    finally:
        signal.signal(signal.SIGTERM, before)
    part = kit.train(kit.config(folder, **options), resume=True)
    assert kit.differences(kit.state(whole), kit.state(part)) == []
    assert (folder / 'last_checkpoint').read_text() == last == (tmp_path / 'whole/last_checkpoint').read_text()
    assert not (folder / 'stopped.pth').exists() and (folder / last).is_file()


def test_second_ctrl_c_stops_at_once(tmp_path):
    cfg = kit.config(tmp_path, interval=4)
    cfg.custom_hooks.append(dict(type='SignalHook', at=6, numbers=[signal.SIGINT] * 2))
    kit.train(cfg)
    assert Path((tmp_path / 'last_checkpoint').read_text()).name == 'iter_4.pth'
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_signal_that_nobody_asked_for_is_obeyed_in_the_end():
    with pytest.raises(KeyboardInterrupt), StopSignals() as signals:
        signal.raise_signal(signal.SIGINT)
        assert signals.received == signal.SIGINT
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_handler_that_returns_is_called_once():
    calls = []
    previous = signal.signal(signal.SIGTERM, lambda number, frame: calls.append(number))
    try:
        with StopSignals() as signals:
            signal.raise_signal(signal.SIGTERM)
            assert calls == []
            signals.obey()
            assert signals.received is None
    finally:
        signal.signal(signal.SIGTERM, previous)
    assert calls == [signal.SIGTERM]


def test_an_ignored_signal_stays_ignored():
    previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with StopSignals() as signals:
            signal.raise_signal(signal.SIGINT)
            assert signals.received is None
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, previous)


def _training(folder, epochs, stops=0):
    """Start a training as a program: workers that live on after an epoch, samples that fill their pipe.

    Without validation, which a signal stops at once. In its forward pass number ``stops`` (from one) it sends SIGTERM
    to all its processes: at a moment of its own choice, so never at the checkpoint of an iteration.
    """
    script = ('import itertools, os, signal, sys; from pathlib import Path; from kits import resume as kit; '
              'call, forward = kit.ToyTransform.__call__, kit.ToyModel.forward; passes = itertools.count(1); '
              'stop = lambda: next(passes) == int(sys.argv[3]) and os.killpg(0, signal.SIGTERM); '
              'kit.ToyTransform.__call__ = lambda *args: dict(call(*args), ballast=bytes(1 << 20)); '
              'kit.ToyModel.forward = lambda *args, ballast=None, **kwargs: (stop(), forward(*args, **kwargs))[1]; '
              'cfg = kit.config(Path(sys.argv[1]), workers=2, interval=20, param_scheduler=[]); '
              'cfg.train_cfg.update(max_epochs=int(sys.argv[2]), val_begin=1000000); kit.Runner.from_cfg(cfg).train()')
    return subprocess.Popen([sys.executable, '-c', script, str(folder), str(epochs), str(stops)], text=True,
                            start_new_session=True, stderr=subprocess.PIPE)


def test_workers_end_with_their_training(tmp_path, ended):
    errors = ended(_training(tmp_path, epochs=1))
    assert 'Traceback' not in errors and (tmp_path / 'last_checkpoint').is_file()


def test_sigterm_to_all_processes_of_a_training(tmp_path, ended):
    """As ``timeout`` and batch systems send it: the workers live on until the iteration has its batch."""
    errors = ended(_training(tmp_path, epochs=100000, stops=25), -signal.SIGTERM)
    assert 'SIGTERM: stopping after this iteration' in errors and 'Traceback' not in errors
    assert (tmp_path / 'last_checkpoint').read_text() == 'stopped.pth'
    assert torch.load(tmp_path / 'stopped.pth', weights_only=True)['meta']['iter'] == 25


@pytest.mark.skipif(sys.platform != 'linux', reason='asks the kernel of Linux')
def test_workers_die_with_a_killed_training(tmp_path, ended):
    run = _training(tmp_path, epochs=100000)
    while not (tmp_path / 'last_checkpoint').exists() and run.poll() is None:
        time.sleep(0.05)
    children = Path(f'/proc/{run.pid}/task/{run.pid}/children').read_text().split()
    assert len(children) == 2
    run.kill()
    ended(run, -signal.SIGKILL)  # returns when the workers, too, have let go of its error stream
    deadline = time.monotonic() + 600
    while any(_runs(child) for child in children) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(_runs(child) for child in children)


def _runs(process):
    status = Path('/proc', process, 'status')
    try:
        return 'zombie' not in status.read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_resume_reads_only_what_was_still_to_come(tmp_path):
    kit.ToyDataset.reads.clear()
    kit.train(kit.config(tmp_path / 'whole', interval=3))
    whole = list(kit.ToyDataset.reads)
    kit.train(kit.config(tmp_path / 'parts', interval=3), stop=9)
    kit.ToyDataset.reads.clear()
    kit.train(kit.config(tmp_path / 'parts', interval=3), resume=True)
    # One epoch of 22 samples, its validation of 22, and three batches of four are behind it.
    assert kit.ToyDataset.reads == whole[22 + 22 + 12:]


@pytest.mark.parametrize('loop, by_epoch, interval', [('epoch', True, 1), ('epoch', False, 3), ('iter', False, 5)])
def test_validation_that_was_broken_off_is_run_again(tmp_path, loop, by_epoch, interval):
    options = dict(loop=loop, by_epoch=by_epoch, interval=interval)
    whole = kit.train(kit.config(tmp_path / 'whole', **options))
    broken = kit.config(tmp_path / 'parts', **options)
    broken.val_evaluator.stop = 2
    kit.train(broken)
    part = kit.train(kit.config(tmp_path / 'parts', **options), resume=True)
    assert kit.differences(kit.state(whole), kit.state(part)) == []
    assert list(part.message_hub.get_scalar('val/mAP').data[0]) == list(whole.message_hub.get_scalar('val/mAP').data[0])
    best = [Path(run.message_hub.get_info('best_ckpt')).name for run in (whole, part)]
    assert best[0] == best[1]


def test_resume_takes_the_seed_of_the_checkpoint(tmp_path):
    cfg = kit.config(tmp_path / 'parts')
    cfg.randomness = dict(seed=None)
    seed = kit.train(cfg, stop=9).seed
    part = kit.train(cfg.merge_from_dict(dict(experiment_name='again')) or cfg, resume=True)
    whole = kit.train(kit.config(tmp_path / 'whole', randomness=dict(seed=seed)))
    assert kit.differences(kit.state(whole), kit.state(part)) == []


def test_longer_training_can_be_continued(tmp_path):
    kit.train(kit.config(tmp_path, by_epoch=True, interval=1))
    runner = kit.train(kit.config(tmp_path, by_epoch=True, interval=1, **{'train_cfg.max_epochs': 4}), resume=True)
    assert [record[0] for record in kit.hook_of(runner, 'RecordHook').losses] == list(range(18, 24))


@pytest.mark.parametrize('changes, message', [
    ({'train_dataloader.batch_size': 2}, 'batch_size: 4 then, 2 now'),
    ({'optim_wrapper.optimizer.lr': 0.5}, r"optimizer: .* then, .*'lr': 0.5"),
    ({'param_scheduler': [dict(type='ConstantLR', factor=0.5, end=2)]}, 'param_scheduler: .* then, .*ConstantLR'),
    ({'train_dataloader.dataset.indices': 20}, 'samples: 22 then, 20 now'),
    ({'train_dataloader.drop_last': True}, 'batches_per_epoch: 6 then, 5 now'),
])
def test_resume_refuses_changed_data(tmp_path, changes, message):
    kit.train(kit.config(tmp_path), stop=9)
    with pytest.raises(RuntimeError, match=message):
        kit.train(kit.config(tmp_path, **changes), resume=True)


def test_resume_refuses_another_loop(tmp_path):
    kit.train(kit.config(tmp_path), stop=9)
    with pytest.raises(RuntimeError, match='ResumableEpochTrainLoop then, ResumableIterTrainLoop now'):
        kit.train(kit.config(tmp_path, loop='iter'), resume=True)


def test_stock_checkpoint_continues_at_its_epoch_and_says_that_it_is_not_exact(tmp_path):
    stock = kit.config(tmp_path, ema=False)
    stock.default_hooks.checkpoint = dict(type='CheckpointHook', interval=1)
    kit.train(stock, stop=9)
    runner = kit.train(kit.config(tmp_path, ema=False), resume=True)
    assert [record[0] for record in kit.hook_of(runner, 'RecordHook').losses] == list(range(6, 18))
    assert len(runner.message_hub.get_scalar('train/loss').data[0]) == 18
    log = next(Path(runner.log_dir).glob('*.log')).read_text()
    assert 'holds no random state' in log


def test_stock_checkpoint_of_another_batch_size_is_refused(tmp_path):
    stock = kit.config(tmp_path, ema=False)
    stock.default_hooks.checkpoint = dict(type='CheckpointHook', interval=1)
    kit.train(stock, stop=9)
    with pytest.raises(RuntimeError, match='Epoch 1 and iteration 6 .* do not fit an epoch of 11 batches'):
        kit.train(kit.config(tmp_path, ema=False, **{'train_dataloader.batch_size': 2}), resume=True)


def test_weights_alone_begin_a_new_training(tmp_path):
    first = kit.train(kit.config(tmp_path / 'first', ema=False))
    cfg = kit.config(tmp_path / 'second', ema=False, load_from=str(tmp_path / 'first/iter_18.pth'))
    second = kit.train(cfg, stop=1)
    assert second.iter == 0 and kit.hook_of(second, 'RecordHook').losses[0][0] == 0
    assert first.iter == 18


def test_iterations_are_a_whole_number(tmp_path):
    with pytest.raises(ValueError, match='max_iters.*got 2.5'):
        kit.train(kit.config(tmp_path, loop='iter', **{'train_cfg.max_iters': 2.5}))
