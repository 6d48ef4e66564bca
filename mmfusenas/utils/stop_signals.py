"""Ctrl-C and SIGTERM, held back until what is done can be written."""
from __future__ import annotations

import os
import signal
import sys
import threading
from types import FrameType, TracebackType

from mmengine.dist import get_world_size
from mmengine.runner import Runner

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopSignals:
    """Hold back the signals that ask a training, or other long work, to stop while it is inside this context.

    The loop of a training calls :meth:`stop_if_asked` after each iteration, whose hooks write a checkpoint. A second
    signal stops at once, as it would have without this. A signal that nobody asked for is obeyed when the context ends.

    Several processes stop at different iterations and cannot write a checkpoint together; there, and outside the main
    thread, nothing is held back.

    Args:
        step: What is brought to its end first, for the message. Defaults to 'iteration'.

    Attributes:
        received: Number of the signal that is held back, or None.

    Example:
        >>> before = signal.getsignal(signal.SIGTERM)
        >>> with StopSignals() as signals:  # a loop trains an iteration here, and then calls stop_if_asked
        ...     signal.getsignal(signal.SIGTERM) == before, signals.received
        (False, None)
        >>> signal.getsignal(signal.SIGTERM) == before
        True
    """

    def __init__(self, step: str = 'iteration') -> None:
        self.step = step
        self.received: int | None = None
        self._previous: dict[int, object] = {}

    def __enter__(self) -> StopSignals:
        if get_world_size() == 1 and threading.current_thread() is threading.main_thread():
            # One that is ignored, as Ctrl-C by `command &` in a script, stays so.
            self._previous = {number: signal.signal(number, self._hold) for number in SIGNALS
                              if signal.getsignal(number) is not signal.SIG_IGN}
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        if self.received is not None and error is None:
            self.obey()
        self._restore()

    def stop_if_asked(self, runner: Runner) -> None:
        """Let the hooks save where a signal is held back, and then obey it."""
        if self.received is not None:
            runner.call_hook('before_stop')
            self.obey()

    def obey(self) -> None:
        """Do now what the signal that was held back asks for."""
        self._restore()
        # Forgotten first: a handler of the program's own may let the training go on.
        number, self.received = self.received, None
        signal.raise_signal(number)

    def _hold(self, number: int, frame: FrameType | None) -> None:
        again, self.received = self.received is not None, number
        if again:
            self.obey()
        # Not print: the work may have been stopped in the middle of one.
        os.write(sys.__stderr__.fileno(), f'\n{signal.Signals(number).name}: stopping after this {self.step}; once '
                 'more to stop at once\n'.encode())

    def _restore(self) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous = {}
