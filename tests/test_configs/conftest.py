"""What the tests of configs share: the scope that they are read in."""
import pytest
from mmengine.registry import init_default_scope


@pytest.fixture(autouse=True)
def scope():
    init_default_scope('mmfusenas')
