"""Every benchmark starts, says what it does, and names configs that are there."""
import re
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parent.parent.parent / 'benchmarks'
SCRIPTS = sorted(path for path in BENCHMARKS.glob('*.py') if path.name != 'runs.py')


@pytest.mark.parametrize('path', SCRIPTS, ids=lambda path: path.stem)
def test_help(path):
    done = subprocess.run([sys.executable, str(path), '--help'], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert path.name in done.stdout
    for config in re.findall(r'configs/tim/\w[\w.-]*\.py', path.read_text()):
        assert (BENCHMARKS.parent / config).is_file(), config
