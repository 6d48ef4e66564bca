"""Keys under the names of the release before."""
import warnings
from collections.abc import Mapping
from typing import Any, ClassVar


class RenamedKeys(dict):
    """A dict whose renamed keys are found under their old names too, with a warning.

    By all that a dict does with single keys, and in its ``copy``. A subclass says in ``OLD`` which: the present name by
    the old one.

    Example:
        >>> class Sample(RenamedKeys):
        ...     OLD = dict(img2='infrared')
        >>> with warnings.catch_warnings():
        ...     warnings.simplefilter('ignore')
        ...     Sample(infrared=3)['img2']
        3
    """

    OLD: ClassVar[Mapping[str, str]] = {}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()
        self.update(*args, **kwargs)

    def _present(self, key: str) -> str:
        if key in self.OLD:
            warn_renamed(key, self.OLD[key], stacklevel=4)
        return self.OLD.get(key, key)

    def __contains__(self, key: object) -> bool:
        return super().__contains__(self.OLD.get(key, key))

    def __getitem__(self, key: str) -> Any:
        return super().__getitem__(self._present(key))

    def __setitem__(self, key: str, value: Any) -> None:
        super().__setitem__(self._present(key), value)

    def __delitem__(self, key: str) -> None:
        super().__delitem__(self._present(key))

    def get(self, key: str, default: Any = None) -> Any:
        return self[key] if key in self else default

    def pop(self, key: str, *default: Any) -> Any:
        return super().pop(self._present(key) if key in self else key, *default)

    def setdefault(self, key: str, default: Any = None) -> Any:
        return super().setdefault(self._present(key), default)

    def update(self, *args: Any, **kwargs: Any) -> None:
        for key, value in dict(*args, **kwargs).items():
            super().__setitem__(self._present(key), value)

    def copy(self) -> dict:
        return type(self)(self)


def renamed(mapping: Mapping[str, Any], old: Mapping[str, str]) -> Mapping[str, Any]:
    """Return ``mapping`` with its old keys under their present names, with a warning; of two given, the old counts.

    Without old keys it is ``mapping`` itself.

    Example:
        >>> renamed(dict(img='vi', infrared='ir'), dict(img2='infrared'))
        {'img': 'vi', 'infrared': 'ir'}
    """
    if not set(old) & set(mapping):
        return mapping
    for key in set(old) & set(mapping):
        warn_renamed(key, old[key])
    given = {old[key]: value for key, value in mapping.items() if key in old}
    return {key: value for key, value in mapping.items() if key not in old} | given


def warn_renamed(key: str, present: str, stacklevel: int = 3) -> None:
    """Warn of a name of the release before."""
    warnings.warn(f'{key} is called {present}; the old name goes with the next release.', FutureWarning, stacklevel)
