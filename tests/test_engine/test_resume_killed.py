"""SIGKILL at any moment, also while saving, costs at most one checkpoint interval and changes nothing."""
import json
import os
import subprocess
import sys

import pytest


def _run(folder, run, workers, random_kills):
    done = subprocess.run(
        [sys.executable, '-m', 'kits.resume_killed', str(folder / 'x'), run, str(workers), str(random_kills)],
        capture_output=True, text=True, env=dict(os.environ, OMP_NUM_THREADS='1'))
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


RUNS = ['search', 'toy', 'cooperative', 'supernet', 'evolution', 'loss', 'guidance']


@pytest.mark.parametrize('run', [RUNS[0], *(pytest.param(run, marks=pytest.mark.slow) for run in RUNS[1:])])
def test_killed_while_saving(tmp_path, run):
    result = _run(tmp_path, run, workers=0, random_kills=0)
    assert result['kills'] == 4
    assert result['differences'] == [] and result['leftovers'] == []
    assert max(result['repeated']) <= 4


@pytest.mark.slow
@pytest.mark.parametrize('run', RUNS)
@pytest.mark.parametrize('workers', [0, 2])
def test_killed_ten_times(tmp_path, run, workers):
    result = _run(tmp_path, run, workers, random_kills=6)
    assert result['kills'] == 10
    assert result['differences'] == [] and result['leftovers'] == []
    assert max(result['repeated']) <= 4
