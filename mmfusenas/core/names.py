"""The nearest of the known names, for messages."""
import difflib
from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str:
    """Return ``"; the nearest is 'x'"`` where a known name is close to ``name``, else ''.

    Example:
        >>> nearest('rb_33', ['rb_3', 'skip'])
        "; the nearest is 'rb_3'"
    """
    close = difflib.get_close_matches(name, list(known), n=1)
    return f'; the nearest is {close[0]!r}' if close else ''
