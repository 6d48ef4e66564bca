"""Ctrl-C and SIGTERM, held back until a checkpoint can be written."""
from __future__ import annotations

import os
import signal
import sys
import threading
from types import FrameType, TracebackType

from mmengine.dist import get_world_size

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopSignals:
    """Hold back the signals that ask a training to stop while it is inside this context.

    The training goes on to the end of its iteration, where :class:`SafeCheckpointHook` asks ``received`` and writes a
    checkpoint, and the loop calls :meth:`obey`. A second signal stops at once, as it would have without this.

    Several processes stop at different iterations and cannot write a checkpoint together; there, and outside the main
    thread, nothing is held back.

    Attributes:
        received: Number of the signal that is held back, or None.

    Example:
        >>> signals = StopSignals()
        >>> with signals:
        ...     train_one_iteration()
        ...     signals.obey()      # KeyboardInterrupt, where Ctrl-C was pressed meanwhile
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self._previous: dict[int, object] = {}
        self._process = 0

    def __enter__(self) -> StopSignals:
        if get_world_size() == 1 and threading.current_thread() is threading.main_thread():
            self.received, self._process = None, os.getpid()
            self._previous = {number: signal.signal(number, self._hold) for number in SIGNALS}
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self._restore()

    def obey(self) -> None:
        """Do now what the signal that was held back asks for, if there is one."""
        if self.received is not None:
            self._restore()
            signal.raise_signal(self.received)

    def _hold(self, number: int, frame: FrameType | None) -> None:
        if os.getpid() != self._process:  # a forked worker process, which ends with its parent
            return
        if self.received is not None:
            self.received = number
            self.obey()
        self.received = number
        print(f'\n{signal.Signals(number).name}: stopping after this iteration; once more to stop at once',
              file=sys.stderr, flush=True)

    def _restore(self) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous = {}
