"""Examples of docstrings: they are run (``--doctest-modules``), and here is held that they are there and say something.

The files are read and not imported, so that nothing depends on which packages are installed.
"""
import ast
import doctest
from collections.abc import Iterator

CONFIGS = {'EvolutionSearchLoop', 'MetaInitLoop', 'ResumableEpochTrainLoop', 'ResumableIterTrainLoop'}
"""Loops, of which nothing can be shown without a whole Runner: their examples are lines of a config."""


def documented(root) -> Iterator[tuple[str, bool, list[doctest.Example]]]:
    """Yield name, whether it is registered, and examples of every module, class and function of the package."""
    for path in sorted((root / 'mmfusenas').rglob('*.py')):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
                registered = any('.register_module(' in ast.unparse(decorator)
                                 for decorator in getattr(node, 'decorator_list', ()))
                examples = doctest.DocTestParser().get_examples(ast.get_docstring(node) or '')
                yield getattr(node, 'name', path.stem), registered, examples


def test_every_example_states_a_result_and_every_registered_part_has_one(root):
    found = list(documented(root))
    assert sum(registered for _, registered, _ in found) > 130 and sum(bool(lines) for *_, lines in found) > 240
    silent = {name for name, registered, lines in found
              if (registered or lines) and not any(line.want for line in lines)}
    assert silent == CONFIGS, 'show in the docstring what comes out, a shape or a value'


def test_no_example_is_skipped(root):
    assert [name for name, _, lines in documented(root) for line in lines if doctest.SKIP in line.options] == []


def test_the_examples_are_run(request, root):
    config = request.config
    assert config.getoption('doctestmodules') and 'mmfusenas' in config.getini('testpaths')
