import warnings

import pytest

from mmfusenas.core.renamed import RenamedKeys, renamed
from mmfusenas.datasets.pairing import GuidedSample, Sample


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
