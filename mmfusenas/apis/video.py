"""Videos and live streams: one of each sensor in, the fused video and what was found in it out."""
from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path

import cv2
import numpy as np
from mmcv.video import VideoReader
from rich.progress import track

from mmfusenas.apis.base_inferencer import BaseInferencer, check_results, mark_results, said
from mmfusenas.apis.result import Result
from mmfusenas.apis.stream import VIDEO_SUFFIXES, Moment, is_stream, live_moments
from mmfusenas.core.errors import FileError, InputError
from mmfusenas.core.files import write_text
from mmfusenas.datasets.images import ImageError, to_grey, write_image

LIVE_RATE = 25.0
"""Frames a second of what is written of live streams, at most; a frame stays until the next one was made."""


def is_video(source: str | Path) -> bool:
    """Return whether a source is a video, by its suffix, or a live stream."""
    return str(source).partition('?')[0].lower().endswith(VIDEO_SUFFIXES) or is_stream(source)


class Video:
    """The frames of a file by their time, one at a time in memory; frame k is that of k / (frames a second).

    Args:
        path: Of the file, or its address; of a constant rate, in a format that OpenCV reads.

    Raises:
        FileNotFoundError: There is no such file.
        ImageError: It is no video or has no frame.
    """

    def __init__(self, path: str | Path) -> None:
        if '://' not in str(path) and not Path(path).is_file():
            raise FileError(f'The video {path} does not exist (working directory {Path.cwd()}).')
        self.reader = VideoReader(str(path))
        self.fps, self.frame = self.reader.fps, self.reader.read()
        if self.frame is None or self.fps <= 0:
            raise ImageError(f'The video {path} cannot be read: it has no frame that OpenCV decodes. Check that it '
                             'plays, or convert it to .mp4.')

    def at(self, time: float) -> np.ndarray | None:
        """Return the frame nearest to a time in seconds, which never falls; None where the video has ended."""
        while self.frame is not None and self.reader.position - 1 < int(time * self.fps + 0.5):
            self.frame = self.reader.read()
        return self.frame


def run_video(inferencer: BaseInferencer, sources: Sequence[str | Path], out_dir: str | Path,
              smooth: float = 0.0, seconds: float | None = None) -> Path:
    """Run on a video, or on two that show the same at the same time, and write what comes out.

    Each frame of the first video goes with the frame of the second that is nearest in time; the shorter one ends it.
    Live streams likewise, by :func:`~mmfusenas.apis.stream.live_moments`; ``image.mp4`` keeps their pace.
    ``out_dir`` gets ``image.mp4``; with a detector or segmentor ``drawn.mp4``; with a segmentor ``masks/FRAME.png``;
    and ``predictions.json``: a list ``frames`` with ``frame`` (number in ``image.mp4``), ``time`` (seconds), of streams
    ``apart`` (seconds between the two sensors' frames) and what :meth:`BaseInferencer.run` says of an image, and
    ``flicker``: how much the mean luma changes from frame to frame, in grey levels, of ``image`` as it is written and
    of each source. Videos have even sides: of odd ones the last row and column are there twice.

    Args:
        inferencer: What makes an image of each frame, or pair of frames.
        sources: Files, or streams, in the order of the inferencer's sensors.
        out_dir: Folder of the results; made where it is missing.
        smooth: Share of the brightness of the last frame that a frame of the written videos keeps, against flicker: its
            mean luma follows as an exponential average. Detections do not change. From 0 to below 1. Defaults to 0.0.
        seconds: How long to look at streams; None is until one ends, or the run is stopped. Defaults to None.

    Returns:
        Path of ``predictions.json``. It is also written where the run is stopped, with the frames until then.

    Raises:
        ValueError: ``smooth`` is out of range, a file and a stream are given, or a result would overwrite an input or
            what no earlier run wrote.
        FileNotFoundError: A video is missing.
        ImageError: A video or stream cannot be read, or a result cannot be written as a video; or frames cannot be
            used: at the end, when all others are done. They are ``failed`` in ``predictions.json``.
    """
    if not 0 <= smooth < 1:
        raise InputError(f'run_video got smooth={smooth}; it is from 0 to below 1.')
    rate, total, moments = _opened(sources, seconds)
    out_dir = Path(out_dir)
    _check_output(inferencer, sources, out_dir)
    mark_results(out_dir)
    inferencer.reset()
    made = _Frames(inferencer, out_dir, smooth)
    try:
        with closing(moments), _writer(out_dir / 'image.mp4', rate) as write, \
                _writer(out_dir / 'drawn.mp4', rate) as write_drawn:
            for moment in track(moments, 'working', total=total):
                made.add(moment, round(moment.time * rate), write, write_drawn)
    finally:
        made.save()
    if made.failed:
        raise ImageError(f'{len(made.failed)} of {len(made.failed) + len(made.frames)} frames could not be used; the '
                         f'frames before are shown in their place. The first: {next(iter(made.failed.values()))}')
    return out_dir / 'predictions.json'


class _Frames:
    """What is made of the moments of a video, one after the other."""

    def __init__(self, inferencer: BaseInferencer, out_dir: Path, smooth: float) -> None:
        self.inferencer, self.out_dir, self.smooth = inferencer, out_dir, smooth
        self.frames: list[dict] = []
        self.levels: dict[str, list[float]] = {}
        self.failed: dict[int, str] = {}
        self.steady: float | None = None  # the mean luma that the written frames follow

    def add(self, moment: Moment, index: int, write: Callable, write_drawn: Callable) -> None:
        """Write the frame of a moment; of an error only what it says, but at the first frame."""
        if self.frames and index == self.frames[-1]['frame']:
            return  # a stream of more than LIVE_RATE frames a second
        try:
            output = self.inferencer(*moment.images)
        except Exception as error:  # whatever is wrong with one frame, the others are worth their results
            if not self.frames and not isinstance(error, ImageError):
                raise  # nor would the next go
            self.failed[index] = said(error)
            return
        self._smoothen(output)
        names = ('image', *self.inferencer.sensors)
        for name, shown in zip(names, (output['image'], *moment.images), strict=True):
            self.levels.setdefault(name, []).append(_level(shown))
        write(output['image'], index)
        if self.inferencer.has_task:
            write_drawn(output.plot(), index)
        if output['mask'] is not None:
            write_image(self.out_dir / f'masks/{index:06d}.png', output['mask'])
        self.frames.append(dict(frame=index, **_times(moment), **self.inferencer.record(output)))

    def _smoothen(self, output: Result) -> None:
        level = _level(output['image'])
        self.steady = level if self.steady is None else self.smooth * self.steady + (1 - self.smooth) * level
        if self.smooth:
            output['image'] = _brighter(output['image'], self.steady - level)

    def save(self) -> None:
        """Write ``predictions.json``."""
        flicker = {name: _flicker(values) for name, values in self.levels.items()}
        content = dict(frames=self.frames, flicker=flicker, **self.inferencer.source)
        if self.failed:
            content['failed'] = self.failed
        write_text(self.out_dir / 'predictions.json', json.dumps(content, indent=1) + '\n')


def _times(moment: Moment) -> dict[str, float]:
    """Return the ``time`` of a moment, and of streams how far ``apart`` its frames arrived, in seconds."""
    times = dict(time=moment.time, apart=moment.apart)
    return {name: round(value, 6) for name, value in times.items() if value is not None}


def _check_output(inferencer: BaseInferencer, sources: Sequence[str | Path], out_dir: Path) -> None:
    """Raise an InputError where a result would overwrite an input, or what no earlier run wrote."""
    videos = [out_dir / 'image.mp4', out_dir / 'drawn.mp4']
    for source in sources:
        if not is_stream(source) and os.path.realpath(source) in map(os.path.realpath, videos):
            raise InputError(f'The result would overwrite its own input {source}: choose another folder.')
    masks = (out_dir / 'masks').glob('*.png') if inferencer.segments else ()
    check_results(out_dir, [*videos, *masks])


def _flicker(levels: Sequence[float]) -> float:
    """Return the mean change from one level to the next."""
    return round(float(np.abs(np.diff(levels)).mean()), 4) if len(levels) > 1 else 0.0


def _level(image: np.ndarray) -> float:
    """Return the mean luma."""
    return float(to_grey(image).mean())


def _opened(sources: Sequence[str | Path], seconds: float | None) -> tuple[float, int | None, Iterator[Moment]]:
    """Return the frames a second of what is written, the number of moments where it is known, and the moments."""
    live = [is_stream(source) for source in sources]
    if any(live) and not all(live):
        raise InputError(f'{" and ".join(map(str, sources))}: a file and a live stream do not go together.')
    if all(live):
        return LIVE_RATE, None, live_moments(sources, seconds)
    videos = [Video(source) for source in sources]
    stored = videos[0].reader.frame_cnt  # of the file's header: below 0 where it has none, and not always true
    return videos[0].fps, stored if stored > 0 else None, _moments(videos)


def _moments(videos: Sequence[Video]) -> Iterator[Moment]:
    """Give frame by frame of the first video what all show at its time, until one has ended."""
    for index in count():
        time = index / videos[0].fps
        images = [video.at(time) for video in videos]
        if any(image is None for image in images):
            return
        yield Moment(time, images)


def _brighter(image: np.ndarray, levels: float) -> np.ndarray:
    return np.rint(image + levels).clip(0, 255).astype(np.uint8)


@contextmanager
def _writer(path: Path, fps: float) -> Iterator:
    """Give a function that puts a frame at its number in a video, which is there under its name once it is whole.

    The frame before it is repeated up to there. A number that is taken is left as it is.
    """
    partial = path.with_name(f'{path.stem}.partial{path.suffix}')
    opened: list[cv2.VideoWriter] = []
    count, last = 0, None

    def write(image: np.ndarray, index: int) -> None:
        nonlocal count, last
        if not opened:
            path.parent.mkdir(parents=True, exist_ok=True)
            size = tuple(side + side % 2 for side in image.shape[1::-1])
            opened.append(cv2.VideoWriter(str(partial), cv2.VideoWriter_fourcc(*'mp4v'), fps, size))
            if not opened[0].isOpened():
                raise ImageError(f'{path} cannot be written: this OpenCV has no encoder for it, or the folder is full '
                                 'or write-protected.')
        height, width = image.shape[:2]  # which the encoder would cut to even ones
        image = cv2.copyMakeBorder(image, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
        for shown in [last] * (index - count if count else 0) + [image] * (index >= count):
            opened[0].write(shown)
            count += 1
        last = image

    try:
        yield write
    finally:
        for writer in opened:
            writer.release()
            os.replace(partial, path)
