"""A training whose launcher or other processes are gone ends, and says how it goes on."""
import os
import signal
import subprocess
import sys
import time

import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from mmfusenas.utils.lost_processes import lost_process

RANK = ('import time; from mmfusenas.utils.lost_processes import end_with_launcher; '
        'end_with_launcher(lambda: " Go on: --resume"); print("ready", flush=True); time.sleep(600)')
LAUNCHER = f'import subprocess, sys; subprocess.run([sys.executable, "-c", {RANK!r}])'


def start(code: str) -> subprocess.Popen:
    process = subprocess.Popen([sys.executable, '-c', code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout.readline() == 'ready\n'
    return process


def test_a_process_ends_soon_after_its_launcher():
    launcher = start(LAUNCHER)
    launcher.kill()
    begin = time.monotonic()
    errors = launcher.communicate(timeout=60)[1]  # returns when the process that it started has let go of the pipe
    assert f'launcher of this training (process {launcher.pid}) has ended' in errors and '--resume' in errors
    assert time.monotonic() - begin < 30


@pytest.mark.parametrize('rank, said', [('1', True), ('2', False)])
def test_a_process_that_waits_obeys_its_launcher(rank, said, monkeypatch):
    monkeypatch.setenv('RANK', rank)
    process = start(RANK)
    os.kill(process.pid, signal.SIGTERM)
    errors = process.communicate(timeout=60)[1]
    assert process.returncode == 143 and ('SIGTERM' in errors and '--resume' in errors) == said


@pytest.mark.parametrize('text, said', [
    ('DataLoader worker (pid 3) is killed by signal: Killed. ', 'killed by signal Killed'),
    ('DataLoader worker (pid(s) 3, 4) exited unexpectedly', 'exited unexpectedly'),
    ('[../third_party/gloo/gloo/transport/tcp/pair.cc:534] Connection closed by peer [127.0.0.1]:1', 'Another process'),
    ('NCCL error: remote process exited or there was a network error', 'Another process'),
    ('expected scalar type Float', None),
])
def test_errors_of_lost_processes_are_known(text, said):
    message = lost_process(RuntimeError(text))
    assert (said in message) if said else message is None
    assert lost_process(ValueError(text)) is None


class Images(Dataset):
    def __len__(self):
        return 4

    def __getitem__(self, index):
        return torch.zeros(3, 256, 256)


@pytest.mark.parametrize('error', [ConnectionResetError(104, 'Connection reset by peer'), EOFError(),
                                   FileNotFoundError(2, 'No such file or directory')])
def test_a_batch_that_is_gone_with_its_process_is_known(error, monkeypatch):
    batches = iter(DataLoader(Images(), num_workers=1))

    def fail(*args, **kwargs):
        raise error

    monkeypatch.setattr(batches._data_queue, 'get', fail)
    with pytest.raises(type(error)) as caught:
        next(batches)
    assert 'its connection ended' in lost_process(caught.value)
    assert lost_process(type(error)(104, 'of something else')) is None
