"""A signal at any moment, also while saving, costs at most one checkpoint interval and changes nothing.

    KILLS=20 python -m pytest tests/test_engine/test_resume_killed.py -k signals

kills every kind of run so many times by each signal.
"""
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


RUNS = ['search', 'toy', 'iterations', 'cooperative', 'supernet', 'evolution', 'loss', 'guidance', 'initialisation',
        'detector', 'segmentor']


@pytest.mark.parametrize('run', [RUNS[0], *(pytest.param(run, marks=pytest.mark.slow) for run in RUNS[1:])])
def test_killed_while_saving(tmp_path, run):
    result = _run(tmp_path, run, workers=0, random_kills=0)
    assert result['kills'] == 4
    assert result['differences'] == [] and result['leftovers'] == []
    assert max(result['repeated']) <= 4


@pytest.mark.slow
@pytest.mark.parametrize('run', RUNS)
@pytest.mark.parametrize('workers', [0, 2])
def test_signals_at_random_moments(tmp_path, run, workers):
    kills = int(os.environ.get('KILLS', '3'))
    result = _run(tmp_path, run, workers, random_kills=kills)
    print(result)
    assert result['kills'] == 4 + 2 * kills
    assert result['differences'] == [] and result['leftovers'] == []
    assert max(result['repeated']) <= 4
