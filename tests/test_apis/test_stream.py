"""Live streams: which frames go together, what ends them, and what is written of them."""
import json
import threading
import time
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import numpy as np
import pytest

from mmfusenas.apis import FusionInferencer, live_moments, run_video
from mmfusenas.apis.stream import Stream, is_stream
from mmfusenas.apis.video import LIVE_RATE, is_video
from mmfusenas.datasets.images import ImageError
from mmfusenas.models.scene import FixedFusion

CAPTURE = cv2.VideoCapture  # which the tests exchange


class Camera:
    """A camera of OpenCV's interface: grey frames whose level is their number, one every ``pause`` seconds.

    After ``frames`` it ends, or stands still where ``hangs``, until ``goes_on`` is set.
    """

    def __init__(self, pause: float, frames: int = 10000, hangs: bool = False) -> None:
        self.pause, self.frames, self.hangs, self.number, self.released = pause, frames, hangs, 0, False
        self.goes_on, self.reading = threading.Event(), False

    def isOpened(self) -> bool:
        return True

    def read(self) -> tuple[bool, np.ndarray | None]:
        self.reading = True
        time.sleep(self.pause)
        if self.number >= self.frames and self.hangs:
            self.goes_on.wait()
        self.reading = False
        if self.number >= self.frames:
            return False, None
        self.number += 1
        return True, np.full((8, 10, 3), self.number % 256, np.uint8)

    def release(self) -> None:
        assert not self.reading  # OpenCV would end the process
        self.released = True


@pytest.fixture
def cameras(monkeypatch: pytest.MonkeyPatch) -> Callable:
    """A function that says which cameras there are, by number."""

    def there(*found: Camera) -> Sequence[Camera]:
        monkeypatch.setattr(cv2, 'VideoCapture', lambda source: found[source])
        return found

    return there


@pytest.mark.parametrize(('source', 'live'), [
    ('0', True), (1, True), ('rtsp://host/video.mp4', True), ('http://host/live?quality=1', True),
    ('rtmp://host/live/vi.mp4', True), ('file:///a/vi.avi', True),
    ('/dev/video0', True), ('a/0.png', False), ('vi.mp4', False), ('http://host/vi.mp4?key=1', False),
    ('https://host/0.png', False)])
def test_what_is_a_stream(source: object, live: bool) -> None:
    assert is_stream(source) is live
    assert is_video(source) is ('.png' not in str(source))


def test_a_file_whose_name_is_a_number_is_no_camera(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / '7').mkdir()
    monkeypatch.chdir(tmp_path)
    assert not is_stream('7') and is_stream('8')


def test_frames_that_arrive_together_go_together_and_a_slow_caller_gets_the_newest(cameras: Callable) -> None:
    found = cameras(Camera(0.02), Camera(0.05))
    moments = []
    for moment in live_moments([0, 1]):
        moments.append(moment)
        if len(moments) == 6:
            break
        time.sleep(0.2)  # ten frames of the first, four of the second
    times, (first, second) = [moment.time for moment in moments], zip(*(
        [int(image[0, 0, 0]) for image in moment.images] for moment in moments))
    assert times[0] == 0 and times == sorted(set(times))
    assert all(late - early >= 2 for early, late in zip(first, first[1:]))  # those in between were left out
    assert list(second) == sorted(second) and second[-1] > second[0]
    assert all(camera.released for camera in found)  # when the caller stopped


def test_the_nearest_frame_in_time(cameras: Callable) -> None:
    cameras(Camera(0, frames=0))
    stream = Stream(0)
    stream.newest()  # none: it has ended
    stream._frames.extend((arrived, np.full((2, 2, 3), arrived * 10 % 256, np.uint8)) for arrived in (101, 102, 104))
    found = {moment: stream.nearest(moment) for moment in (100.9, 101.4, 101.6, 102.9, 103.1, 104.9)}
    assert {moment: frame[0] for moment, frame in found.items()} == {
        100.9: 101, 101.4: 101, 101.6: 102, 102.9: 102, 103.1: 104, 104.9: 104}
    assert found[103.1][1].mean() == 1040 % 256
    assert stream.nearest(105.1) is None  # the last is more than a second old, and no other will come
    stream.close()


@pytest.mark.parametrize('which', [0, 1])
def test_a_stream_that_ends_ends_the_moments(cameras: Callable, which: int) -> None:
    found = [Camera(0.01), Camera(0.01)]
    found[which] = Camera(0.01, frames=3)
    cameras(*found)
    with pytest.warns(UserWarning, match=f'The stream {which} has ended'):
        assert list(live_moments([0, 1]))
    assert all(camera.released for camera in found)


def test_streams_without_a_frame_are_named(cameras: Callable) -> None:
    cameras(Camera(0.01), Camera(0.01, frames=0))
    with pytest.raises(ImageError, match='The stream 1 has ended without a frame'):
        list(live_moments([0, 1]))


def test_a_camera_that_comes_late_is_not_paired_with_an_old_frame(cameras: Callable) -> None:
    class Late(Camera):
        def read(self) -> tuple[bool, np.ndarray | None]:
            if not self.number:
                time.sleep(1.6)
            return super().read()

    cameras(Camera(0.02), Late(0.02))
    moments = []
    for moment in live_moments([0, 1], seconds=0.2):
        moments.append(moment)
    assert len(moments) > 1 and max(moment.apart for moment in moments) < 1
    assert moments[0].images[0].mean() > 30  # no frame from before


def test_seconds_end_the_moments(cameras: Callable) -> None:
    cameras(Camera(0.02))
    times = [moment.time for moment in live_moments([0], seconds=0.3)]
    assert len(times) > 3 and times[-1] <= 0.3
    with pytest.raises(ValueError, match='seconds=-1'):
        next(live_moments([0], seconds=-1))


@pytest.mark.parametrize('which', [0, 1])
def test_a_stream_that_stands_still_is_named(cameras: Callable, which: int) -> None:
    found = [Camera(0.01), Camera(0.01)]
    found[which] = Camera(0.01, frames=2, hangs=True)
    cameras(*found)
    apart = []
    with pytest.raises(ImageError, match=rf'The stream {which} has shown no frame for 2 seconds'):
        for moment in live_moments([0, 1], patience=2):
            apart.append(moment.apart)
    assert max(apart) < 1.2  # of the second, which stood still already
    assert not found[which].released and found[1 - which].released
    found[which].goes_on.set()  # data that arrive late meet a reader that is still there
    for _ in range(100):
        time.sleep(0.01)
        if found[which].released:
            break
    assert found[which].released


def test_a_stream_that_cannot_be_opened_is_named() -> None:
    with pytest.raises(ImageError, match=r'The stream /dev/video97 cannot be opened'):
        next(live_moments(['/dev/video97']))


def test_what_is_written_keeps_the_pace_of_the_streams(cameras: Callable, tmp_path: Path) -> None:
    cameras(Camera(0.1), Camera(0.1))
    predictions = run_video(FusionInferencer(FixedFusion('average')), ['0', '1'], tmp_path, seconds=1.0)
    found = json.loads(predictions.read_text())['frames']
    numbers = [frame['frame'] for frame in found]
    assert found and numbers[0] == 0 and numbers == sorted(set(numbers))
    assert all(frame['frame'] == round(frame['time'] * LIVE_RATE) and frame['apart'] >= 0 for frame in found)
    reader = CAPTURE(str(tmp_path / 'image.mp4'))
    assert sum(reader.read()[0] for _ in range(200)) == numbers[-1] + 1


def test_a_fast_stream_is_written_at_the_rate_of_the_video(cameras: Callable, tmp_path: Path) -> None:
    cameras(Camera(0.004))
    infer = FusionInferencer(FixedFusion('average'))
    infer.sensors, made = ('visible', ), []
    infer.__class__ = type('Counted', (FusionInferencer, ), dict(
        __call__=lambda self, image: made.append(1) or FusionInferencer.__call__(self, image, image[..., 0])))
    found = json.loads(run_video(infer, ['0'], tmp_path, seconds=0.6).read_text())['frames']
    numbers = [frame['frame'] for frame in found]
    assert numbers == sorted(set(numbers)) and len(made) == len(numbers) <= 0.6 * LIVE_RATE + 1


def test_a_file_and_a_stream_do_not_go_together(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match='do not go together'):
        run_video(FusionInferencer(FixedFusion('average')), ['vi.mp4', '0'], tmp_path / 'out')


class Frames(BaseHTTPRequestHandler):
    """A camera in the network: images one after another (MJPEG)."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header('Content-Type', 'multipart/x-mixed-replace; boundary=frame')
        self.end_headers()
        level = dict(visible=60, infrared=200)[self.path.strip('/').split('.')[0]]
        for _ in range(40):
            _, data = cv2.imencode('.jpg', np.full((48, 64, 3), level, np.uint8))
            head = f'--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n'
            try:
                self.wfile.write(head.encode() + data.tobytes() + b'\r\n')
            except ConnectionError:
                return
            time.sleep(0.05)

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.mark.slow
def test_two_cameras_of_the_network_are_fused(tmp_path: Path) -> None:
    server = ThreadingHTTPServer(('127.0.0.1', 0), Frames)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sources = [f'http://127.0.0.1:{server.server_port}/{name}.mjpg' for name in ('visible', 'infrared')]
    try:
        predictions = run_video(FusionInferencer(FixedFusion('average')), sources, tmp_path, seconds=2)
    finally:
        server.shutdown()
        server.server_close()
    found = json.loads(predictions.read_text())
    assert len(found['frames']) >= 3
    there, frame = cv2.VideoCapture(str(tmp_path / 'image.mp4')).read()
    assert there and frame.mean() == pytest.approx(130, abs=6)
