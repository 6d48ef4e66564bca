"""What a class takes is read from its constructors and its code."""
from functools import partial

from mmfusenas.utils.signatures import accepted_arguments, read_keys, removed_keys


class Base:
    def __init__(self, size, cfg=None):
        self.size = size
        self.width = cfg['width'] if 'height' in cfg else cfg.get('depth', cfg.ratio)


class Strict(Base):
    def __init__(self, name, **kwargs):
        kwargs_of_others = dict(name=name)
        kwargs_of_others.pop('taken')
        super().__init__(**kwargs)


class Inherits(Strict):
    pass


class Keeps(Base):
    def __init__(self, name, **kwargs):
        self.kwargs = kwargs


class BuildsOnKeeps(Keeps):
    def __init__(self, colour, **kwargs):
        super().__init__(**kwargs)


class Other:
    def __init__(self, stride):
        self.stride = stride


class PassesOver(Base, Other):
    """Hands its arguments to a base that is not the next one, as mmdet's VFNetHead does."""

    def __init__(self, name, **kwargs):
        super(Base, self).__init__(**kwargs)


def test_constructors_are_followed() -> None:
    assert accepted_arguments(Base) == {'size', 'cfg'}
    assert accepted_arguments(Strict) == {'name', 'size', 'cfg'}
    assert accepted_arguments(Inherits) == {'name', 'size', 'cfg'}
    assert accepted_arguments(PassesOver) == {'name', 'size', 'cfg', 'stride'}


def test_what_takes_anything() -> None:
    assert accepted_arguments(Keeps) is None
    assert accepted_arguments(BuildsOnKeeps) is None
    assert accepted_arguments(lambda **kwargs: None) is None


def test_functions() -> None:
    assert accepted_arguments(lambda a, b=1: None) == {'a', 'b'}
    assert accepted_arguments(partial(Base, 3)) == {'cfg'}


def test_keys_in_code() -> None:
    assert {'width', 'height', 'depth', 'ratio', 'taken'} <= read_keys(Base)
    assert 'taken' in removed_keys(Base) and 'width' not in removed_keys(Base)
    assert 'no_such_key_' + 'anywhere' not in read_keys(Base)
