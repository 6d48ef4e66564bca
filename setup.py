"""Packaging of mmfusenas: ``pip install -e .[all]``, or ``make env``, which also compiles mmcv's operators."""
import re
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).resolve().parent


def requirements(name: str) -> list[str]:
    """Return the lines of ``requirements/<name>.txt`` without comments."""
    lines = (ROOT / 'requirements' / f'{name}.txt').read_text().splitlines()
    return [line for line in lines if line and not line.startswith('#')]


def version() -> str:
    """Return the version, read rather than imported: torch may not be installed yet."""
    return re.search(r"__version__ = '(.+)'", (ROOT / 'mmfusenas' / 'version.py').read_text())[1]


setup(
    name='mmfusenas',
    version=version(),
    description='Architecture search for multi-sensor vision on MMEngine',
    license='Apache-2.0',
    python_requires='>=3.11',
    packages=find_packages(include=['mmfusenas', 'mmfusenas.*']),
    # `.mim` links to the configs, tools and model index of the checkout; a wheel holds copies, where MMEngine looks.
    package_data={'mmfusenas': [
        'genotypes/*.json', 'weights/*', '.mim/*.yml', '.mim/**/*.py', '.mim/**/*.yml', '.mim/**/*.sh']},
    entry_points={'console_scripts': ['mmfusenas = mmfusenas.cli:main']},
    install_requires=requirements('runtime'),
    extras_require={
        'det': requirements('det'),
        'seg': requirements('seg'),
        'deploy': requirements('deploy'),
        'all': requirements('det') + requirements('seg'),
        'tests': requirements('tests') + requirements('lint'),
        'docs': requirements('docs'),
        'web': requirements('web'),
    },
)
