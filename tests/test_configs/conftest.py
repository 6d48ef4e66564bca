"""What the tests of configs share: the scope that they are read in."""
import pytest
from mmengine.registry import init_default_scope


@pytest.fixture(autouse=True)
def scope():
    init_default_scope('mmfusenas')


@pytest.fixture(autouse=True)
def defaults(monkeypatch):
    """Configs as they are where the environment chooses nothing."""
    for name in ('DATA', 'RECIPE', 'FOLD', 'FAILURES'):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def disjoint():
    """Whether two data sets of configs have no image in common: other folds, or scenes of other seeds."""
    def disjoint(first, second):
        (k, n), (other, number) = (dataset.get('every_nth') or (0, 1) for dataset in (first, second))
        seeds = [dataset.get('seed') for dataset in (first, second)]
        return (n == number and k != other) or (None not in seeds and seeds[0] != seeds[1])
    return disjoint
