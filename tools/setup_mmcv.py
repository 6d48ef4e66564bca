"""Building mmcv with its compiled operators (see setup_env.py)."""
import os
import re
import shutil
import subprocess
import tempfile
import zipfile
from pathlib import Path

from progress import STACK, STATE, StepError, imports, pip, run, say

DISTRIBUTION = 'mmcv' if STACK == 'openmmlab' else f'{STACK}-mmcv'
WHEEL = DISTRIBUTION.replace('-', '_')

# These replace Python's own flags. Debug information would double the time.
FLAGS = ['-DNDEBUG', '-O2', '-g0', '-fPIC', '-w']
# What torch's extension builder adds; a precompiled header counts only where all flags are the same.
EXTENSION_FLAGS = ['-std=c++17', '-DTORCH_API_INCLUDE_EXTENSION_H', '-DTORCH_EXTENSION_NAME=_ext']


def jobs() -> int:
    """Return how many files to compile at once: one a core, and 2 GB of memory each."""
    memory = os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES')
    return max(1, min(len(os.sched_getaffinity(0)), memory // 2**31))


def precompile(python: str, folder: Path) -> list:
    """Precompile torch's header, which all operators include; return the flags that use it (none if it fails)."""
    code = 'from torch.utils.cpp_extension import include_paths; print("\\n".join(include_paths()))'
    result = subprocess.run([python, '-c', code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    paths = result.stdout.decode().split('\n')
    header = folder / 'torch_types.h'
    header.write_text('#include <torch/types.h>\n')
    command = [os.environ.get('CXX', 'c++'), '-x', 'c++-header', *FLAGS, *EXTENSION_FLAGS]
    command += [f'-I{path}' for path in paths if path] + [str(header), '-o', f'{header}.gch']
    try:
        run(command, '3/4 mmcv: precompiling a header')
    except StepError:
        return []  # another compiler: it only takes longer
    return ['-include', str(header)]


def cached(python: str) -> bool:
    """Return whether pip has kept a wheel of mmcv for this Python, so that nothing will be compiled."""
    command = [python, '-c', 'import sys; print("cp%d%d" % sys.version_info[:2])']
    tag = subprocess.run(command, stdout=subprocess.PIPE).stdout.decode().strip()
    command = [python, '-m', 'pip', 'cache', 'list', WHEEL]
    kept = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.decode()
    return re.search(rf'\b{WHEEL}-[\d.]+-{tag}-', kept) is not None


def build_wheel(python: str, fresh: bool) -> Path:
    """Build mmcv's wheel; return its path.

    Args:
        python: Python to build for.
        fresh: Forget the wheel that pip may have kept, and compile.
    """
    wheels = STATE / 'wheels'
    shutil.rmtree(str(wheels), ignore_errors=True)
    command = [python, '-m', 'pip', 'wheel', '-v', '--disable-pip-version-check', '--no-deps']
    command += ['--no-build-isolation', '-w', str(wheels), '-c', 'requirements/tried.txt', DISTRIBUTION]

    def note(line: str) -> str:
        step = re.search(r'^\s*\[(\d+/\d+)\]', line)
        return f': compiling mmcv operators {step.group(1)}' if step else ''

    if fresh:
        subprocess.call([python, '-m', 'pip', 'cache', 'remove', WHEEL], stdout=subprocess.DEVNULL)
    with tempfile.TemporaryDirectory() as folder:
        # ninja, which compiles several files at once, lies beside the virtual environment's Python.
        path = f'{Path(python).parent}:{os.environ["PATH"]}'
        env = dict(MMCV_WITH_OPS='1', MAX_JOBS=str(jobs()), PATH=path)
        if shutil.which('nvcc') is None:
            env['CUDA_VISIBLE_DEVICES'] = ''  # a GPU without its compiler: build for the CPU
        flags = FLAGS + ([] if cached(python) else precompile(python, Path(folder)))
        run(command, '3/4 mmcv', note, dict(env, CFLAGS=' '.join(flags)))
    return next(wheels.glob(f'{WHEEL}-*.whl'))


def has_operators(wheel: Path) -> bool:
    """Return whether a wheel holds the compiled operators (built in isolation, it silently does not)."""
    return any(name.startswith('mmcv/_ext') for name in zipfile.ZipFile(str(wheel)).namelist())


def install_mmcv(python: str, needs: list, unfinished: Path) -> None:
    """Install mmcv with operators that import, unless they do already.

    Args:
        python: Python of the virtual environment; torch is installed in it.
        needs: What mmcv imports, as pip reads it.
        unfinished: File that marks an installation cut off in its middle.

    Raises:
        StepError: They do not import even when compiled anew.
    """
    if not imports(python, 'mmcv.ops'):
        return
    for fresh in (False, True):
        wheel = build_wheel(python, fresh)
        if not has_operators(wheel):
            say("pip's kept wheel of mmcv is without operators; compiling it anew")
            continue
        unfinished.touch()
        pip(python, '3/4 mmcv: installing', '--force-reinstall', '--no-deps', str(wheel))
        pip(python, '3/4 mmcv: installing what it needs', '-c', 'requirements/tried.txt', *needs)
        unfinished.unlink()
        problem = imports(python, 'mmcv.ops')
        if not problem or 'libGL' in problem:
            return  # libGL is reported at the end, with what to install
        say(f"pip's kept wheel of mmcv does not fit this torch ({problem}); compiling it anew")
    raise StepError(f'mmcv was compiled, but its operators do not import. See {STATE}/log.txt.')
