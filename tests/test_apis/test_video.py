"""Videos: which frames go together, what is written, flicker."""
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmcv.video import VideoReader

from mmfusenas.apis import EnhanceInferencer, FusionInferencer, run_video
from mmfusenas.apis.loading import build_model
from mmfusenas.apis.video import Video, _writer
from mmfusenas.datasets.images import ImageError
from mmfusenas.models.scene import FixedFusion

SIZE, LOSS = (64, 48), 5
"""Width and height of a frame; grey levels by which the encoder may move it."""


@pytest.fixture
def video(tmp_path: Path) -> Callable:
    """A function that writes grey frames of given levels."""

    def write(name: str, levels: Sequence[float], fps: float = 10) -> Path:
        writer = cv2.VideoWriter(str(tmp_path / name), cv2.VideoWriter_fourcc(*'MJPG'), fps, SIZE)
        for level in levels:
            writer.write(np.full((*SIZE[::-1], 3), level, np.uint8))
        writer.release()
        return tmp_path / name

    return write


def levels(path: Path) -> list[float]:
    reader, found = cv2.VideoCapture(str(path)), []
    while True:
        there, frame = reader.read()
        if not there:
            return found
        found.append(float(frame.mean()))


def test_the_frame_nearest_in_time(video: Callable) -> None:
    slow = Video(video('slow.avi', [10, 50, 90], fps=4))
    seen = [round(slow.at(time).mean(), -1) for time in (0, 0.12, 0.13, 0.3, 0.37, 0.38, 0.6)]
    assert seen == [10, 10, 50, 50, 50, 90, 90]
    assert slow.at(0.63) is None and slow.at(1) is None


def test_two_rates_are_fused_frame_by_frame(video: Callable, tmp_path: Path) -> None:
    visible = video('vi.avi', [0, 20, 40, 60, 80, 100], fps=10)
    infrared = video('ir.avi', [100, 200], fps=5)  # its frames are nearest to 0, 1 and to 2, 3 less half a frame
    predictions = run_video(FusionInferencer(FixedFusion('average')), [visible, infrared], tmp_path / 'out')
    found = json.loads(predictions.read_text())
    assert [(frame['frame'], frame['time']) for frame in found['frames']] == [(0, 0.0), (1, 0.1), (2, 0.2)]
    np.testing.assert_allclose(levels(tmp_path / 'out/image.mp4'), [50, 110, 120], atol=LOSS)
    assert found['flicker']['visible'] == pytest.approx(20, abs=1)
    assert found['flicker']['infrared'] == pytest.approx(50, abs=1)
    assert found['flicker']['image'] == pytest.approx(35, abs=1)
    assert sorted(path.name for path in (tmp_path / 'out').iterdir()) == ['image.mp4', 'predictions.json']
    assert found['model'] == 'FixedFusion'


def test_flicker_is_damped_and_what_is_steady_stays(video: Callable, tmp_path: Path) -> None:
    infer, steady = FusionInferencer(FixedFusion('average')), video('steady.avi', [100] * 8)
    infer.has_task = True  # one that finds nothing: its images are drawn as they are
    flickering = video('flicker.avi', [80, 120] * 4)
    for smooth, name in ((0.0, 'plain'), (0.8, 'smooth')):
        run_video(infer, [flickering, steady], tmp_path / name, smooth)
        run_video(infer, [steady, steady], tmp_path / f'{name}_steady', smooth)
    plain, smooth = (np.abs(np.diff(levels(tmp_path / name / 'image.mp4'))).mean() for name in ('plain', 'smooth'))
    assert plain > 18 and smooth < 0.3 * plain
    expected = [90.0]  # the exponential average of 90, 110, 90, ...
    for level in [110, 90] * 3 + [110]:
        expected.append(0.8 * expected[-1] + 0.2 * level)
    for name in ('image', 'drawn'):
        np.testing.assert_allclose(levels(tmp_path / f'smooth/{name}.mp4'), expected, atol=LOSS)
    np.testing.assert_allclose(levels(tmp_path / 'smooth_steady/image.mp4'), 100, atol=LOSS)
    said = [json.loads((tmp_path / name / 'predictions.json').read_text())['flicker']['image']
            for name in ('plain', 'smooth')]
    assert said == pytest.approx([plain, smooth], abs=1)


@pytest.mark.parametrize('stored', [-1.9e14, 0, 2])
def test_a_file_that_stores_no_number_of_frames_is_read_to_its_end(
        video: Callable, tmp_path: Path, stored: float, monkeypatch: pytest.MonkeyPatch) -> None:
    path = video('vi.avi', [0, 30, 60, 90])
    monkeypatch.setattr(VideoReader, 'frame_cnt', int(stored))
    found = json.loads(run_video(FusionInferencer(FixedFusion('average')), [path, path], tmp_path / 'out').read_text())
    assert len(found['frames']) == len(levels(tmp_path / 'out/image.mp4')) == 4


def test_a_frame_with_a_missing_sensor_keeps_the_size(tmp_path: Path) -> None:
    """Else the writer of a video drops it: sensors of two sizes, one of them black for two frames."""
    sizes, levels_of = dict(vi=(64, 48), ir=(32, 24)), dict(vi=[60, 0, 0, 60], ir=[100] * 4)
    for name, size in sizes.items():
        writer = cv2.VideoWriter(str(tmp_path / f'{name}.avi'), cv2.VideoWriter_fourcc(*'FFV1'), 10, size)
        for level in levels_of[name]:
            ramp = np.linspace(0, level, size[0] * size[1]).reshape(*size[::-1], 1)
            writer.write(np.repeat(ramp, 3, 2).astype(np.uint8))
        writer.release()
    infer = FusionInferencer(FixedFusion('average'), missing='fallback', resize='visible')
    run_video(infer, [tmp_path / 'vi.avi', tmp_path / 'ir.avi'], tmp_path / 'out')
    found = json.loads((tmp_path / 'out/predictions.json').read_text())['frames']
    assert [frame.get('replaced') for frame in found] == [None, 'visible', 'visible', None]
    assert len(levels(tmp_path / 'out/image.mp4')) == 4


def test_frames_without_any_sensor_cost_no_other(tmp_path: Path) -> None:
    files, ramp = [tmp_path / 'vi.avi', tmp_path / 'ir.avi'], np.linspace(30, 90, 64 * 48).reshape(48, 64, 1)
    for file in files:
        writer = cv2.VideoWriter(str(file), cv2.VideoWriter_fourcc(*'MJPG'), 10, SIZE)
        for factor in (1, 0, 0, 2):
            writer.write(np.repeat(ramp * factor, 3, 2).astype(np.uint8))
        writer.release()
    infer = FusionInferencer(FixedFusion('average'), missing='fallback')
    with pytest.raises(ImageError, match='2 of 4 frames could not be used; the frames before'):
        run_video(infer, files, tmp_path / 'out')
    found = json.loads((tmp_path / 'out/predictions.json').read_text())
    assert [frame['frame'] for frame in found['frames']] == [0, 3] and set(found['failed']) == {'1', '2'}
    np.testing.assert_allclose(levels(tmp_path / 'out/image.mp4'), [60, 60, 60, 120], atol=7)


def test_what_no_run_wrote_is_not_overwritten(video: Callable, tmp_path: Path) -> None:
    files, out = [video('vi.avi', [10, 20]), video('ir.avi', [10, 20])], tmp_path / 'out'
    out.mkdir()
    (out / 'image.mp4').write_bytes(b'mine')
    with pytest.raises(ValueError, match='image.mp4 is there, and no earlier run wrote it'):
        run_video(FusionInferencer(FixedFusion('average')), files, out)
    assert (out / 'image.mp4').read_bytes() == b'mine'
    (out / 'image.mp4').unlink()
    for _ in range(2):  # its own results it may replace
        found = run_video(FusionInferencer(FixedFusion('average')), files, out)
        assert len(json.loads(found.read_text())['frames']) == 2


def test_odd_sides_are_not_cut(tmp_path: Path) -> None:
    image = np.full((47, 63, 3), 90, np.uint8)
    with _writer(tmp_path / 'image.mp4', 10) as write:
        write(image, 0)
    shown = cv2.VideoCapture(str(tmp_path / 'image.mp4')).read()[1]
    assert shown.shape == (48, 64, 3) and np.abs(shown.astype(int) - 90).max() <= LOSS


def test_an_input_is_not_overwritten(video: Callable, tmp_path: Path) -> None:
    path, other = video('image.avi', [10, 20]).rename(tmp_path / 'image.mp4'), video('vi.avi', [10, 20])
    content = path.read_bytes()
    with pytest.raises(ValueError, match='would overwrite its own input .*image.mp4'):
        run_video(FusionInferencer(FixedFusion('average')), [other, path], tmp_path)
    assert path.read_bytes() == content and not (tmp_path / 'predictions.json').exists()


def test_an_interrupted_run_keeps_what_is_done(video: Callable, tmp_path: Path) -> None:
    class Interrupted(FusionInferencer):
        def __call__(self, *images):
            if images[0].mean() > 70:
                raise KeyboardInterrupt
            return super().__call__(*images)

    path = video('vi.avi', [0, 30, 60, 90, 120])
    with pytest.raises(KeyboardInterrupt):
        run_video(Interrupted(FixedFusion('average')), [path, path], tmp_path / 'out')
    assert len(json.loads((tmp_path / 'out/predictions.json').read_text())['frames']) == 3
    assert len(levels(tmp_path / 'out/image.mp4')) == 3


def test_what_is_no_video_is_named(video: Callable, tmp_path: Path) -> None:
    infer, good = FusionInferencer(FixedFusion('average')), video('good.avi', [1, 2])
    (tmp_path / 'text.mp4').write_text('no video')
    for name, error, message in (('nowhere.mp4', FileNotFoundError, 'nowhere.mp4 does not exist'),
                                 ('text.mp4', ImageError, 'text.mp4 cannot be read')):
        with pytest.raises(error, match=message):
            run_video(infer, [good, tmp_path / name], tmp_path / 'out')
    with pytest.raises(ValueError, match='smooth=1'):
        run_video(infer, [good, good], tmp_path / 'out', smooth=1)
    assert not (tmp_path / 'out').exists()


def test_a_detector_draws_and_lists_every_frame(video: Callable, detector_config: Callable, tmp_path: Path) -> None:
    model = build_model(detector_config(), 'test')
    model.dataset_meta = dict(classes=('cone', 'stop', 'car', 'person', 'bike'), palette=[(0, 255, 0)] * 5)
    infer, path = FusionInferencer(model, score_thr=0.0), video('vi.avi', [40, 90])
    found = json.loads(run_video(infer, [path, path], tmp_path / 'out').read_text())['frames']
    expected = infer(Video(path).at(0), Video(path).at(0))
    np.testing.assert_allclose(found[0]['boxes'], expected['boxes'], atol=1e-3)
    assert len(found) == 2 and len(found[0]['classes']) == len(found[0]['boxes']) > 0
    assert len(levels(tmp_path / 'out/drawn.mp4')) == 2


def test_a_video_of_one_sensor(video: Callable, tmp_path: Path) -> None:
    infer, path = EnhanceInferencer('ruas-lowlight'), video('dark.avi', [20, 40])
    run_video(infer, [path], tmp_path / 'out')
    reader = Video(path)
    expected = [float(infer(reader.at(time))['image'].mean()) for time in (0, 0.1)]
    np.testing.assert_allclose(levels(tmp_path / 'out/image.mp4'), expected, atol=LOSS)
