"""Ending a training whose launcher, or one of whose other processes, is gone."""
from __future__ import annotations

import os
import re
import select
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Callable

from torch.utils.data import dataloader

INTERVAL = 2.0
"""Seconds between two looks at the launcher."""


def end_with_launcher(advice: Callable[[], str]) -> None:
    """End this process when the launcher that started it asks for it by SIGTERM, or within seconds of its death.

    torchrun sends SIGTERM where another of its processes failed; killed, it leaves them all training. A thread waits
    for both, since this process may be in a collective operation that waits for one that is gone.

    Args:
        advice: Returns how the training goes on; the first two processes of it say so, of which one is there if one
            was killed.
    """
    ours, signals = socket.socketpair()
    for end in (ours, signals):
        end.setblocking(False)
    signal.signal(signal.SIGTERM, lambda number, frame: None)
    # Written by the system's own handler, so at once, whatever the main thread is doing.
    signal.set_wakeup_fd(signals.fileno(), warn_on_full_buffer=False)
    threading.Thread(target=_wait, args=(ours, signals, os.getppid(), advice), daemon=True).start()


def lost_process(error: BaseException) -> str | None:
    """Return what a person is told where an error says that another process is gone; None for other errors.

    Example:
        >>> lost_process(RuntimeError('DataLoader worker (pid 7) is killed by signal: Killed. ')).split(':')[0]
        'A process that loads images was ended from outside (killed by signal Killed)'
    """
    text = str(error)
    if isinstance(error, (ConnectionError, EOFError, FileNotFoundError)) and _comes_from_dataloader(error):
        # A batch that the process had announced, and died before it was fetched.
        return _lost_worker('its connection ended')
    if not isinstance(error, RuntimeError):
        return None
    if worker := re.search(r'DataLoader worker \(pid.*?\) (is killed by signal: [^.]*|exited unexpectedly)', text):
        return _lost_worker(worker[1].removeprefix('is ').replace('signal: ', 'signal '))
    if re.search(r'(?i)gloo|nccl', text) and re.search(r'(?i)peer|connection|remote process|timed out', text):
        return ('Another process of this training has ended. It said why; where it said nothing it was ended from '
                'outside, usually by the system where memory ran out.')
    return None


def ignore_ended_workers() -> None:
    """Let a process that loads images end unnoticed: PyTorch would raise it in the middle of what handles an error."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)


def _lost_worker(cause: str) -> str:
    return (f'A process that loads images was ended from outside ({cause}): usually the system does it where memory '
            'runs out. Take fewer such processes (--cfg-options train_dataloader.num_workers=1, or that of '
            'val_dataloader, test_dataloader) or a smaller batch.')


def _comes_from_dataloader(error: BaseException) -> bool:
    """Return whether the dataloader of PyTorch was waiting for its processes, not reading an image itself."""
    names = {(frame.filename, frame.name) for frame in traceback.extract_tb(error.__traceback__)}
    return (dataloader.__file__, '_try_get_data') in names


def _wait(ours: socket.socket, signals: socket.socket, launcher: int, advice: Callable[[], str]) -> None:
    while True:
        ready, _, _ = select.select([ours], [], [], INTERVAL)
        if ready and signal.SIGTERM in ours.recv(4096):
            _end('SIGTERM: another process of this training failed, or it was asked to stop.', advice, 143)
        if os.getppid() != launcher:
            _end(f'The launcher of this training (process {launcher}) has ended, and so does this process.', advice, 1)


def _end(what: str, advice: Callable[[], str], status: int) -> None:
    if int(os.environ.get('RANK', 0)) < 2:
        os.write(sys.__stderr__.fileno(), f'\n{what}{advice()}\n'.encode())
    os._exit(status)
