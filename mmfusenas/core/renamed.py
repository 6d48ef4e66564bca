"""Keys under the names of the release before."""
import warnings
from collections.abc import Mapping
from typing import Any, ClassVar


class RenamedKeys(dict):
    """A dict whose renamed keys are found under their old names too, with a warning.

    By ``[]``, ``get`` and ``in``. A subclass says in ``OLD`` which: the present name by the old one.

    Example:
        >>> class Sample(RenamedKeys):
        ...     OLD = dict(img2='infrared')
        >>> with warnings.catch_warnings():
        ...     warnings.simplefilter('ignore')
        ...     Sample(infrared=3)['img2']
        3
    """

    OLD: ClassVar[Mapping[str, str]] = {}

    def __missing__(self, key: str) -> Any:
        if key not in self.OLD:
            raise KeyError(key)
        warn_renamed(key, self.OLD[key])
        return self[self.OLD[key]]

    def __contains__(self, key: object) -> bool:
        return super().__contains__(self.OLD.get(key, key))

    def get(self, key: str, default: Any = None) -> Any:
        return self[key] if key in self else default

    def __setitem__(self, key: str, value: Any) -> None:
        if key in self.OLD:
            warn_renamed(key, self.OLD[key])
        super().__setitem__(self.OLD.get(key, key), value)


def renamed(mapping: Mapping[str, Any], old: Mapping[str, str]) -> dict[str, Any]:
    """Return ``mapping`` with its old keys under their present names, with a warning; of two given, the old counts.

    Example:
        >>> renamed(dict(img='vi', infrared='ir'), dict(img2='infrared'))
        {'img': 'vi', 'infrared': 'ir'}
    """
    for key in set(old) & set(mapping):
        warn_renamed(key, old[key])
    given = {old[key]: value for key, value in mapping.items() if key in old}
    return {key: value for key, value in mapping.items() if key not in old} | given


def warn_renamed(key: str, present: str) -> None:
    """Warn of a name of the release before."""
    warnings.warn(f'{key} is called {present}; the old name goes with the next release.', FutureWarning, stacklevel=3)
