"""Find or make the Python that this checkout runs with, and print its path (all else goes to stderr).

``make`` runs it before every target. Taken in this order: the Python that runs this file, where it has what
``requirements/`` asks for and an mmcv with compiled operators; ``.venv`` in the checkout; else ``.venv`` is
made and filled, which compiles mmcv's operators. With the environment variable STACK=onedl all is of the maintained
fork of OpenMMLab, in ``.venv-onedl``. Only the standard library, and only what Python 3.6 can read, so that an old
Python is told what is wrong.
"""
import argparse
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from progress import CHECKOUT, LOG, STACK, STATE, SUFFIX, StepError, imports, pip, run, say
from setup_mmcv import install_mmcv

VENV = f'.venv{SUFFIX}'
VENV_PYTHON = CHECKOUT / VENV / 'bin' / 'python'
UNFINISHED = STATE / 'unfinished'
MINIMUM, TRIED = (3, 11), 'python3.11'
NEEDED = ('runtime', 'det', 'seg', 'tests')
IMPORTS = ('cv2', 'mmcv.ops', 'mmdet', 'mmseg')
OPENMMLAB = ('mmengine', 'mmcv', 'mmdet', 'mmsegmentation')
STACKS = dict(openmmlab=(), onedl=('onedl', 'onedl_no_deps'))
"""Lists of what a stack takes in the place of ``OPENMMLAB``; the second is installed without its dependencies."""

# Run by the Python in question, outside the checkout: what it has, without importing any of it.
PROBE = """
import importlib.metadata as metadata, importlib.util as util, json, sys
from pathlib import Path
def version(name):
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
def origin(name):
    spec = util.find_spec(name)
    return spec.origin if spec else None
mmcv = origin('mmcv')
print(json.dumps(dict(
    python=sys.version_info[:2], mmfusenas=origin('mmfusenas'),
    operators=[[str(f), f.stat().st_mtime] for f in Path(mmcv).parent.glob('_ext*')] if mmcv else [],
    versions={name: version(name) for name in sys.argv[1:]})))
"""


def wanted(lists: tuple = NEEDED) -> dict:
    """Return the distributions that are needed, name -> version conditions, from ``requirements/``."""
    found = {}
    for name in lists + (STACKS[STACK] if 'runtime' in lists else ()):
        lines = (CHECKOUT / 'requirements' / (name + '.txt')).read_text().splitlines()
        split = [re.match(r'([\w-]+)(.*)', line) for line in lines if line and line[0] != '#']
        found.update((match.group(1), match.group(2)) for match in split)
    return {name: found[name] for name in found if not (STACKS[STACK] and name in OPENMMLAB)}


def specifiers(lists: tuple = NEEDED) -> list:
    """Return what is needed as pip reads it, but for what is installed without its dependencies."""
    bare = wanted(STACKS[STACK][1:])
    return [name + conditions for name, conditions in wanted(lists).items() if name not in bare]


def satisfies(version: str, conditions: str) -> bool:
    """Return whether ``version`` fulfils conditions such as ``>=2.1.0,<2.2.0``."""

    def numbers(text: str) -> list:
        return [int(part) for part in re.findall(r'\d+', text.split('+')[0])]

    for operator, bound in re.findall(r'(==|>=|<)([^,]+)', conditions):
        if operator == '==' and version.split('+')[0] != bound:
            return False
        if operator == '>=' and numbers(version) < numbers(bound):
            return False
        if operator == '<' and numbers(version) >= numbers(bound):
            return False
    return True


def probe(python: str, lists: tuple = NEEDED) -> dict:
    """Return what ``python`` has installed of some lists (empty where it does not run)."""
    if not Path(python).is_file():
        return {}
    path = [part for part in os.environ.get('PYTHONPATH', '').split(':') if part]
    path = ':'.join(part for part in path if Path(part).resolve() != CHECKOUT)
    result = subprocess.run(
        [python, '-c', PROBE] + sorted(wanted(lists)), cwd='/', env=dict(os.environ, PYTHONPATH=path),
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return json.loads(result.stdout.decode()) if result.returncode == 0 else {}


def shortcomings(state: dict, lists: tuple = NEEDED) -> list:
    """Return what a probed Python lacks of the same lists, in words."""
    if not state:
        return ['everything: it does not run']
    if tuple(state['python']) < MINIMUM:
        return ['a newer Python than %d.%d (3.11 at least)' % tuple(state['python'])]
    lacks = []
    for name, conditions in sorted(wanted(lists).items()):
        version = state['versions'][name]
        if version is None:
            lacks.append(name)
        elif not satisfies(version, conditions):
            lacks.append(f'{name}{conditions} (it has {version})')
    if any(state['versions'].get(name) for name in ('mmcv', 'onedl-mmcv')) and not state['operators']:
        lacks.append("mmcv's compiled operators")
    return lacks


def problem_of(python: str) -> str:
    """Return why ``python`` cannot be used, '' where it can; imports are tried once and that is remembered."""
    state = probe(python)
    lacks = shortcomings(state)
    if lacks:
        return 'it lacks ' + ', '.join(lacks[:5]) + (f' and {len(lacks) - 5} more' if len(lacks) > 5 else '')
    state.pop('mmfusenas')
    key = hashlib.sha256(json.dumps([python, state], sort_keys=True).encode()).hexdigest()
    checked = STATE / 'checked'
    if checked.is_file() and checked.read_text() == key:
        return ''
    problem = imports(python, *IMPORTS)
    if problem:
        return f'it has all packages, but they do not import: {problem}'
    checked.write_text(key)
    return ''


def choose() -> str:
    """Return the first Python that has everything, '' (and say what each lacks) where none has."""
    candidates = [sys.executable]
    if VENV_PYTHON.exists() and not UNFINISHED.exists() and str(VENV_PYTHON) not in candidates:
        candidates.append(str(VENV_PYTHON))
    problems = {}
    for python in candidates:
        problems[python] = problem_of(python)
        if not problems[python]:
            return python
    for python, problem in problems.items():
        say(f'{python} cannot be used as it is: {problem}')
    return ''


def restart_with_newer() -> int:
    """Start this file again under a newer Python, or say that there is none."""
    for name in (TRIED, 'python3.12', 'python3.13'):
        # Run it rather than believe its name: version managers leave a stub for every version they know.
        if shutil.which(name) and subprocess.call(
                [name, '-c', ''], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0:
            return subprocess.call([name, __file__, *sys.argv[1:]])
    raise StepError(
        'python3 is Python %d.%d, and no python3.11 was found. mmfusenas needs Python 3.11 or newer: install it '
        '(for example `apt install python3.11 python3.11-venv python3.11-dev`), or name one: '
        '`make env PYTHON=/path/to/python3.11`.' % sys.version_info[:2])


def check_machine(python: str) -> None:
    """Raise StepError where something is missing that pip cannot install."""
    compiler = os.environ.get('CXX', 'c++')
    if shutil.which(compiler) is None:
        raise StepError(
            f'no C++ compiler: `{compiler}` was not found, and mmcv has to be compiled. Install one (for example '
            '`apt install g++`), or name yours by the environment variable CXX.')
    code = 'import ensurepip, os, sysconfig; print(os.path.isfile(sysconfig.get_path("include") + "/Python.h"))'
    result = subprocess.run([python, '-c', code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if result.stdout.strip() != b'True':
        what = 'its headers (Python.h)' if result.returncode == 0 else 'the module ensurepip'
        raise StepError(
            f'{python} comes without {what}, which a virtual environment with compiled parts needs: on Debian and '
            'Ubuntu, `apt install python3.11-venv python3.11-dev`.')


def set_up() -> str:
    """Make and fill ``.venv``; return its Python."""
    python = str(VENV_PYTHON)
    base = shutil.which(TRIED) if sys.version_info[:2] != MINIMUM else sys.executable
    base = base if base and probe(base) else sys.executable
    check_machine(base)
    say(f'setting up {VENV}; the full output goes to {LOG}')
    if UNFINISHED.exists() or not probe(python):
        # A package that was cut off while it was unpacked can look installed: start from an empty folder.
        UNFINISHED.touch()
        run([base, '-m', 'venv', '--clear', str(CHECKOUT / VENV)], '1/4 virtual environment')
    UNFINISHED.touch()
    tried = ['-c', 'requirements/tried.txt']
    pip(python, '2/4 torch and build tools', *tried, 'torch', '-r', 'requirements/build.txt')
    UNFINISHED.unlink()
    install_mmcv(python, specifiers(('runtime',)), UNFINISHED)
    UNFINISHED.touch()
    pip(python, '4/4 mmdet, mmseg and the rest', *tried, *specifiers(), '-r', 'requirements/lint.txt')
    for name in STACKS[STACK][1:]:
        pip(python, '4/4 mmdet', *tried, '--no-deps', '-r', f'requirements/{name}.txt')
    UNFINISHED.unlink()
    problem = problem_of(python)
    if problem:
        raise StepError(f'everything was installed, and yet {python} cannot be used: {problem}')
    say('the environment is ready')
    return python


def add(python: str, extra: str) -> None:
    """Install what one target needs besides, where ``python`` lacks it."""
    if shortcomings(probe(python, (extra, )), (extra, )):
        pip(python, f'requirements/{extra}.txt', '-r', f'requirements/{extra}.txt')


def make_importable(python: str) -> None:
    """Install this checkout in editable form where ``python`` does not import mmfusenas from it."""
    origin = probe(python)['mmfusenas']
    if origin and Path(origin).resolve() == CHECKOUT / 'mmfusenas' / '__init__.py':
        return
    if origin:
        say(f'{python} took mmfusenas from {Path(origin).parent}; from now on it takes it from this checkout')
    try:
        pip(python, 'mmfusenas itself', '--no-deps', '--no-build-isolation', '-e', '.')
    except StepError as error:
        if python == str(VENV_PYTHON):
            raise
        say(f'{error}\nmake itself goes on; to run a tool by hand, set PYTHONPATH={CHECKOUT}')


def wait_for(lock) -> None:
    """Take the lock; of two `make` at once the second waits, and then finds it all done."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        say('another set-up of this checkout is running; waiting for it')
        fcntl.flock(lock, fcntl.LOCK_EX)


def main() -> int:
    """Print the path of a Python that has everything."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--with', dest='extra', choices=['docs'], help='install requirements/EXTRA.txt, too')
    args = parser.parse_args()
    if sys.version_info[:2] < MINIMUM:
        return restart_with_newer()
    if STACK not in STACKS:
        raise StepError(f'STACK={STACK} is not known; it is {" or ".join(STACKS)} (openmmlab where it is not set).')
    STATE.mkdir(parents=True, exist_ok=True)
    with (STATE / 'lock').open('w') as lock:
        wait_for(lock)
        python = choose() or set_up()
        if args.extra:
            add(python, args.extra)
        make_importable(python)
    print(python)
    return 0


if __name__ == '__main__':
    try:
        sys.exit(main())
    except StepError as error:
        sys.exit(f'\nset-up failed: {error}')
    except KeyboardInterrupt:
        sys.exit('\nset-up interrupted; `make env` goes on from here')
