"""Names of the release before."""
import pickle
import warnings

import numpy as np
import pytest
import torch

from mmfusenas.core.renamed import RenamedKeys, renamed
from mmfusenas.datasets.pairing import GuidedSample, Sample
from mmfusenas.datasets.transforms import (
    JointTransform,
    PackPairInputs,
    RainStreaks,
    RandomDeformation,
    RandomPatch,
    SensorFailure,
)
from mmfusenas.models.data_preprocessors import GuidedDataPreprocessor


@pytest.mark.parametrize('kind, present', [(Sample, 'infrared'), (GuidedSample, 'target')])
def test_a_key_is_found_under_its_old_name(kind: type[RenamedKeys], present: str) -> None:
    sample = kind({present: 3})
    with pytest.warns(FutureWarning, match=f'img2 is called {present}'):
        assert sample['img2'] == 3
    with pytest.warns(FutureWarning, match='img2'):
        assert sample.get('img2') == 3
    with pytest.warns(FutureWarning, match='img2'):
        sample['img2'] = 4
    assert dict(sample) == {present: 4} and 'img2' in sample and 'gt' not in sample


def test_other_keys_are_those_of_a_dict_and_say_nothing() -> None:
    sample = Sample(img=1)
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        assert sample['img'] == sample.get('img') == 1 and sample.get('gt') is None and sample.get('x', 5) == 5
        with pytest.raises(KeyError, match='x'):
            sample['x']


def test_of_two_names_the_old_one_counts() -> None:
    with pytest.warns(FutureWarning, match='gt is called reference'):
        assert renamed(dict(img='a', reference='b', gt='c'), dict(gt='reference')) == dict(img='a', reference='c')


def test_old_names_do_all_that_a_dict_does() -> None:
    with pytest.warns(FutureWarning, match='img2'):
        sample = Sample(img2=1)
    with pytest.warns(FutureWarning, match='img2'):
        sample.update(dict(img2=2), img=0)
    assert dict(sample) == dict(infrared=2, img=0)
    with pytest.warns(FutureWarning, match='img2'):
        assert sample.setdefault('img2', 5) == 2
    same = sample.copy()
    with pytest.warns(FutureWarning, match='img2'):
        assert same.pop('img2') == 2
    assert dict(same) == dict(img=0) and same.pop('img2', 7) == 7 and dict(sample) == dict(infrared=2, img=0)
    with pytest.warns(FutureWarning, match='img2'):
        del sample['img2']
    assert dict(sample) == dict(img=0)
    again = pickle.loads(pickle.dumps(Sample(infrared=3)))
    assert type(again) is Sample and dict(again) == dict(infrared=3)


def loaded() -> dict:
    """What a loader of one's own may give: a plain dict under the names of before."""
    return dict(img=np.arange(24, dtype=np.uint8).reshape(2, 4, 3), img2=np.arange(8, dtype=np.uint8).reshape(2, 4),
                img_path2='ir.png')


def test_images_of_a_loader_with_old_names_move_together() -> None:
    flip = JointTransform([dict(type='RandomFlip', prob=1.0)])
    with pytest.warns(FutureWarning, match='img2 is called infrared'):
        flipped = flip(loaded())
    assert (flipped['infrared'] == loaded()['img2'][:, ::-1]).all()
    assert (flipped['img'] == loaded()['img'][:, ::-1]).all() and 'img2' not in flipped
    with pytest.warns(FutureWarning, match='img2'), pytest.raises(ValueError, match='inside JointTransform'):
        RandomPatch((1, 1))(loaded())
    with pytest.warns(FutureWarning, match='img2'):
        assert not SensorFailure('infrared')(loaded())['infrared'].any()
    with pytest.warns(FutureWarning, match='img2'):
        assert {'infrared', 'aligned'} <= set(RandomDeformation()(loaded()))
    with pytest.warns(FutureWarning, match='img2'):
        assert 'infrared' not in RainStreaks()(loaded())


def test_old_meta_keys_are_kept_under_their_present_names() -> None:
    with pytest.warns(FutureWarning, match='gt_path is called reference_path'):
        pack = PackPairInputs(meta_keys=('gt_path', 'condition'))
    assert {'reference_path', 'condition'} <= set(pack.meta_keys) and 'gt_path' not in pack.meta_keys


def test_a_guided_batch_packed_as_before_has_its_guide_and_target() -> None:
    inputs = dict(visible=[torch.zeros(3, 4, 6, dtype=torch.uint8)], infrared=[torch.rand(1, 4, 6)])
    with pytest.warns(FutureWarning, match='called target'):
        assert {'guide', 'target'} <= set(GuidedDataPreprocessor()(dict(inputs=inputs))['inputs'])
