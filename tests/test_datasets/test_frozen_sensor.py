"""A sensor that shows an earlier moment: which file is read, from which recording, and the draws."""
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest

from mmfusenas.core.errors import InputError
from mmfusenas.datasets import PairSegDataset, YOLOPairDataset
from mmfusenas.datasets.images import write_image
from mmfusenas.datasets.transforms import FrozenSensor
from mmfusenas.registry import DATASETS

STEMS = [f'{number:05d}{kind}' for kind, numbers in dict(D=(55, 59, 64, 91, 95), N=(4, 8, 60)).items()
         for number in numbers]
"""Two recordings by day, a step of 27 apart, one of two images by night, and one image by itself."""


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Pairs whose grey levels are their numbers, in the visible image, and 100 more, in the infrared one."""
    for stem in STEMS:
        for folder, image in dict(vi=np.full((24, 32, 3), int(stem[:5])), ir=np.full((24, 32), 100 + int(stem[:5])),
                                  labels=np.zeros((24, 32))).items():
            write_image(tmp_path / f'{folder}/{stem}.png', image.astype(np.uint8))
        (tmp_path / f'labels/{stem}.txt').write_text('0 0.5 0.5 0.5 0.5\n')
    return tmp_path


def shown(root: Path, stem: str, sensor: str = 'infrared', **kwargs) -> str:
    """Return the stem of the file that a sensor shows, after a look at the other one's."""
    paths = dict(img_path=f'{root}/vi/{stem}.png', infrared_path=f'{root}/ir/{stem}.png')
    results = FrozenSensor(sensor, **kwargs)(dict(paths))
    key, other = ('img_path', 'infrared_path')[::1 if sensor == 'visible' else -1]
    assert results[other] == paths[other] and Path(results[key]).parent == Path(paths[key]).parent
    return Path(results[key]).stem


@pytest.mark.parametrize('sensor', ['visible', 'infrared'])
@pytest.mark.parametrize(('kwargs', 'expected'), [
    (dict(frames=1), [55, 55, 59, 91, 91, 4, 4, 60]), (dict(frames=2), [55, 55, 55, 91, 91, 4, 4, 60]),
    (dict(every=2), [55, 55, 64, 91, 91, 4, 4, 60]), (dict(every=3), [55, 55, 55, 91, 91, 4, 4, 60]),
    (dict(every=2, frames=1), [55, 55, 59, 91, 91, 4, 4, 60]), (dict(frames=1, gap=30), [55, 55, 59, 64, 91, 4, 4, 60]),
    (dict(frames=1, gap=60), [55, 55, 59, 64, 91, 4, 4, 8]), (dict(frames=1, prob=0), [55, 59, 64, 91, 95, 4, 8, 60])])
def test_the_image_is_an_earlier_one_of_its_recording(recording, sensor, kwargs, expected):
    found = [shown(recording, stem, sensor, **kwargs) for stem in STEMS]
    assert [int(stem[:-1]) for stem in found] == expected
    assert [stem[-1] for stem in found] == [stem[-1] for stem in STEMS]  # by day and by night


def test_the_draws(recording):
    np.random.seed(0)
    frames = Counter(shown(recording, '00064D', frames=(0, 2), prob=0.5) for _ in range(600))
    shares = np.array([frames['00055D'], frames['00059D'], frames['00064D']]) / 600
    assert np.allclose(shares, [1 / 6, 1 / 6, 4 / 6], atol=0.06)
    frozen = FrozenSensor(frames=1)
    paths = [frozen(dict(img_path=f'{recording}/vi/00059D.png', infrared_path=f'{recording}/ir/00059D.png'))
             for _ in range(200)]
    old = [tuple(Path(path).stem == '00055D' for path in (pair['img_path'], pair['infrared_path'])) for pair in paths]
    assert set(old) == {(True, False), (False, True)} and 60 < sum(visible for visible, _ in old) < 140


@pytest.mark.parametrize('kind', ['boxes', 'maps'])
@pytest.mark.parametrize('test_mode', [False, True])
def test_data_sets_load_it_with_the_labels_of_the_present(recording, kind, test_mode):
    pipeline = [dict(type='FrozenSensor', sensor='infrared', frames=1), dict(type='LoadPairFromFile')]
    if kind == 'boxes':
        config = dict(type=YOLOPairDataset, metainfo=dict(classes=('car', )))
        pytest.importorskip('mmdet')
        pipeline += [dict(type='mmdet.LoadAnnotations', with_bbox=True), dict(type='PackPairDetInputs')]
    else:
        pytest.importorskip('mmseg')
        config = dict(type=PairSegDataset, metainfo=dict(classes=('road', )))
        pipeline += [dict(type='LoadSegMap'), dict(type='PackPairSegInputs')]
    # The earlier image is of the folder, also where its pair is not in the data set.
    dataset = DATASETS.build(dict(config, data_root=str(recording), stems='00059D', test_mode=test_mode,
                                  pipeline=pipeline))
    inputs, sample = dataset[0]['inputs'], dataset[0]['data_samples']
    assert inputs['visible'].unique().tolist() == [59] and inputs['infrared'].unique().tolist() == [155]
    assert Path(sample.img_path).stem == '00059D'
    labels = sample.gt_instances.labels if kind == 'boxes' else sample.gt_sem_seg.data.unique()
    assert labels.tolist() == [0]


@pytest.mark.parametrize('kwargs', [
    dict(sensor='thermal'), dict(frames=-1), dict(frames=(2, 1)), dict(frames=(0, 1, 2)), dict(every=0),
    dict(frames=1, prob=1.5), dict(frames=0, every=1)])
def test_wrong_arguments_are_named(kwargs):
    with pytest.raises(ValueError, match=list(kwargs)[-1]):
        FrozenSensor(**kwargs)


def test_samples_that_have_no_earlier_image_are_refused(tmp_path):
    frozen = FrozenSensor('infrared', frames=1)
    with pytest.raises(ValueError, match='a/1.png has none'):
        frozen(dict(img_path='a/1.png'))
    with pytest.raises(ValueError, match='files of their own'):
        frozen(dict(img_path='a/1.png', infrared_path='a/1.png'))
    with pytest.raises(ValueError, match='a/1.png is loaded: put it before the loading'):
        frozen(dict(img_path='a/1.png', infrared_path='b/1.png', img=np.zeros((4, 6, 3), np.uint8)))
    for name in ('lake', 'road'):
        cv2.imwrite(str(tmp_path / f'{name}.png'), np.zeros((4, 6), np.uint8))
    with pytest.raises(ValueError, match=f'no recording in {tmp_path}.*gap=10'):
        frozen(dict(img_path='a/lake.png', infrared_path=f'{tmp_path}/lake.png'))


def test_a_file_that_is_no_moment_of_its_folder_is_named(recording):
    write_image(recording / 'ir/00059D.jpg', np.zeros((24, 32), np.uint8))
    for name in ('00059D.jpg', '00060D.png'):
        with pytest.raises(InputError, match=f'does not find .*{name}'):
            FrozenSensor(frames=1, sensor='infrared')(
                dict(img_path=f'{recording}/vi/{name}', infrared_path=f'{recording}/ir/{name}'))
