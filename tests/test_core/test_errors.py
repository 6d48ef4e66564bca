import ast
import builtins
from pathlib import Path

import pytest

import mmfusenas
from mmfusenas.core import errors

PACKAGE = Path(mmfusenas.__file__).parent
PROTOCOL = {'AttributeError', 'IndexError', 'KeyError', 'NotImplementedError', 'UnpicklingError'}
"""What Python itself, or pickle, asks of a method; no message for people."""


def raised(tree: ast.AST) -> list[str]:
    calls = [node.exc.func for node in ast.walk(tree) if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call)]
    return [call.id if isinstance(call, ast.Name) else getattr(call, 'attr', '') for call in calls]


def test_what_the_package_raises_is_meant_for_people() -> None:
    plain = {f'{path.relative_to(PACKAGE)}: {name}' for path in PACKAGE.rglob('*.py')
             for name in raised(ast.parse(path.read_text())) if hasattr(builtins, name) and name not in PROTOCOL}
    assert not plain, 'raise one of mmfusenas.core.errors'


@pytest.mark.parametrize('kind', [kind for kind in vars(errors).values() if isinstance(kind, type)
                                  and issubclass(kind, errors.UserError) and kind is not errors.UserError],
                         ids=lambda kind: kind.__name__)
def test_each_is_what_python_code_would_catch(kind: type[errors.UserError]) -> None:
    builtin = kind.__mro__[2]
    assert builtin.__module__ in ('builtins', '_pickle')
    with pytest.raises(builtin) as caught:
        raise kind("no 'alpha' here")
    assert str(caught.value) == "no 'alpha' here"
