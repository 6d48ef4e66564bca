"""The documentation builds without a warning and describes everything public."""
import importlib
import inspect
import os
import pkgutil
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from mmengine.registry import Registry

import mmfusenas
from mmfusenas import registry

for package in ('sphinx', 'myst_parser', 'furo', 'sphinx_copybutton'):
    pytest.importorskip(package, reason=f'{package} is not installed (make docs installs it)')

pytestmark = pytest.mark.slow


@pytest.fixture(scope='module')
def site(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('site')
    path = os.pathsep.join([str(root), *filter(None, [os.environ.get('PYTHONPATH')])])
    done = subprocess.run([sys.executable, '-m', 'sphinx', '-W', '--keep-going', '-q', 'docs/en', folder], cwd=root,
                          env=dict(os.environ, PYTHONPATH=path), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


@pytest.fixture(scope='module')
def described(site: Path) -> set[str]:
    """Names of all objects of Python that the site has an entry for."""
    content = (site / 'objects.inv').read_bytes().split(b'\n', 4)[4]
    return {line.split(' ', 1)[0] for line in zlib.decompress(content).decode().splitlines() if ' py:' in line}


def public() -> dict[str, type]:
    """Every public class and function of the package, and every registered class, by its name."""
    found = {}
    for module in pkgutil.walk_packages(mmfusenas.__path__, 'mmfusenas.'):
        for name, value in vars(importlib.import_module(module.name)).items():
            if (inspect.isclass(value) or inspect.isfunction(value)) and not name.startswith('_'):
                found[f'{value.__module__}.{value.__qualname__}'] = value
    for parts in vars(registry).values():
        if isinstance(parts, Registry):
            found |= {f'{part.__module__}.{part.__qualname__}': part for part in parts.module_dict.values()}
    return {name: value for name, value in found.items() if name.startswith('mmfusenas.')}


def test_api_is_complete(described: set[str]) -> None:
    names = set(public())
    assert {'mmfusenas.models.scene.tim_fusion.TIMFusion', 'mmfusenas.evaluation.functional.fidelity.vif'} <= names
    assert sorted(names - described) == []


def test_formulas_and_code_are_rendered(site: Path) -> None:
    guide = (site / 'search_guide.html').read_text()
    assert r'\mathrm{softmax}(\alpha)' in guide and 'class="math notranslate nohighlight"' in guide
    assert '$$' not in guide and '<div class="highlight-python notranslate">' in guide


@pytest.mark.parametrize('system', ['tim', 'ruas', 'dcnas', 'hadamard', 'hyperguidance'])
def test_system_is_its_readme(site: Path, system: str) -> None:
    page = (site / 'systems' / f'{system}.html').read_text()
    assert 'The files to read' in page and f'href="../results/{system}.html' in page
    # A file of the package leads to its API.
    assert 'href="../api/mmfusenas.engine.hooks.html#module-mmfusenas.engine.hooks.' in page
