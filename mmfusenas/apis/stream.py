"""Live cameras: the newest frame of one, and the frames of the others that are nearest to it in time."""
from __future__ import annotations

import threading
import time
import warnings
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from mmfusenas.core.errors import InputError
from mmfusenas.datasets.images import IMAGE_SUFFIXES, ImageError

VIDEO_SUFFIXES = ('.avi', '.m4v', '.mkv', '.mov', '.mp4', '.mpeg', '.mpg', '.ts', '.webm', '.wmv')
_KEPT = 32
"""Frames of a stream that are kept, for the others to find the nearest."""
_OLD = 1.0
"""Seconds by which frames that go together are less apart; also what closing waits for a read that stands still."""


def is_stream(source: object) -> bool:
    """Return whether a source is live: the number of a camera (no file of that name), a device, or an address.

    An address in the web (``http://``, ``https://``) that ends as a file does, by its suffix, is none.
    """
    text = str(source)
    if text.startswith(('http://', 'https://')):
        return not text.partition('?')[0].lower().endswith((*VIDEO_SUFFIXES, *IMAGE_SUFFIXES))
    if '://' in text:
        return True
    return (text.isdecimal() and not Path(text).exists()) or text.startswith('/dev/video')


class Moment(NamedTuple):
    """What the streams show at a time.

    Attributes:
        time: Seconds since the first moment, by the arrival of the first stream's frame.
        images: A frame a stream.
        apart: Seconds between the arrivals of the frames that lie furthest apart; None of files.
    """

    time: float
    images: list[np.ndarray]
    apart: float | None = None


class Stream:
    """The frames of a camera or an address as they arrive, read in a thread of their own.

    Args:
        source: Number of a camera, its device, or an address that OpenCV opens (``rtsp://``, ``http://``).
        patience: Seconds without a frame after which :meth:`newest` gives up. Defaults to 10.

    Raises:
        ImageError: OpenCV cannot open it.
    """

    def __init__(self, source: int | str, patience: float = 10.0) -> None:
        self.source, self.patience = source, patience
        self.capture = cv2.VideoCapture(int(source) if str(source).isdecimal() else str(source))
        if not self.capture.isOpened():
            raise ImageError(f'The stream {source} cannot be opened: check that the camera is there and no other '
                             'program has it, or that the address plays.')
        self._frames: deque[tuple[float, np.ndarray]] = deque(maxlen=_KEPT)
        self._changed = threading.Condition()
        self._ended = False
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        while not self._ended:
            there, frame = self.capture.read()
            with self._changed:
                if there:
                    self._frames.append((time.monotonic(), frame))
                else:
                    self._ended = True
                self._changed.notify_all()
        self.capture.release()  # here: what another thread releases may be in the middle of a read

    def newest(self, after: float = 0.0) -> tuple[float, np.ndarray] | None:
        """Wait for a frame that arrived later than ``after``; return the newest and its time, None at the end.

        Raises:
            ImageError: None arrived for ``patience`` seconds.
        """
        with self._changed:
            come = self._changed.wait_for(lambda: self._ended or (self._frames and self._frames[-1][0] > after),
                                          self.patience)
            if not come:
                raise ImageError(f'The stream {self.source} has shown no frame for {self.patience:g} seconds: is the '
                                 'camera still connected?')
            return self._frames[-1] if self._frames and self._frames[-1][0] > after else None

    def nearest(self, moment: float) -> tuple[float, np.ndarray] | None:
        """Return the frame that arrived nearest to a time, and when; None if the stream has ended without one.

        It waits for one that is less than a second older.

        Raises:
            ImageError: None came for ``patience`` seconds: the stream stands still.
        """
        newest = self.newest(moment - _OLD)
        if newest is None:
            return None
        with self._changed:
            return min((frame for frame in self._frames if frame[0] > moment - _OLD),
                       key=lambda frame: abs(frame[0] - moment))

    @property
    def ended(self) -> bool:
        """Whether no frame will come any more."""
        return self._ended

    def close(self) -> None:
        """Stop reading and give the camera back: at once, or when a read that stands still returns."""
        self._ended = True
        self._thread.join(timeout=_OLD)


def live_moments(sources: Sequence[int | str], seconds: float | None = None,
                 patience: float = 10.0) -> Iterator[Moment]:
    """Give what streams show, moment by moment, until one of them ends.

    A moment has the newest frame of the first stream and the nearest in time of the others. Frames that arrive while
    the caller works are left out, so that what is given is never old. Where a stream ends, a warning names it.

    Args:
        sources: As of :class:`Stream`.
        seconds: How long; None is until a stream ends. Defaults to None.
        patience: Seconds to wait for a frame. Defaults to 10.

    Raises:
        ImageError: A stream cannot be opened, shows nothing for ``patience`` seconds, or ends before the first moment.
        ValueError: ``seconds`` is not positive.

    Example:
        >>> writer = cv2.VideoWriter('camera.avi', cv2.VideoWriter_fourcc(*'MJPG'), 25, (64, 48))
        >>> _ = writer.write(np.zeros((48, 64, 3), np.uint8))  # a file in the place of a camera's number, 0
        >>> writer.release()
        >>> [(moment.time, moment.images[0].shape) for moment in live_moments(['camera.avi'])]
        [(0.0, (48, 64, 3))]
    """
    if seconds is not None and seconds <= 0:
        raise InputError(f'live_moments got seconds={seconds}; it is above 0.')
    streams: list[Stream] = []
    try:
        for source in sources:
            streams.append(Stream(source, patience))
        begin, last = None, 0.0
        while True:
            first = streams[0].newest(last)
            frames = [first, *(stream.nearest(first[0]) for stream in streams[1:])] if first else [None]
            if any(frame is None for frame in frames):
                break
            last, times = first[0], [arrived for arrived, _ in frames]
            if max(times) - min(times) >= _OLD:
                continue  # another stream came later than the first one's frame waited
            begin = last if begin is None else begin
            if seconds is not None and last - begin > seconds:
                return
            yield Moment(last - begin, [image for _, image in frames], max(times) - min(times))
            if any(stream.ended for stream in streams[1:]):
                break
        ended = next(stream.source for stream in streams if stream.ended)
        if begin is None:
            raise ImageError(f'The stream {ended} has ended without a frame. Check that it plays.')
        warnings.warn(f'The stream {ended} has ended.', stacklevel=2)
    finally:
        for stream in streams:
            stream.close()
