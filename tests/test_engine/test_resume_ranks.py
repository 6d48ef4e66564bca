"""Two processes: each continues with its own random numbers and its own share of the data."""
import json
import os
import subprocess
import sys


def test_two_processes_resume_exactly_and_one_may_not_go_on_alone(tmp_path):
    done = subprocess.run([sys.executable, '-m', 'kits.resume_ranks', str(tmp_path / 'x')], capture_output=True,
                          text=True, env=dict(os.environ, OMP_NUM_THREADS='1'))
    assert done.returncode == 0, done.stderr[-3000:]
    result = json.loads(done.stdout.splitlines()[-1])
    first, second = result['ranks']
    assert first['first'] == second['first'] == 2
    assert first['differences'] == second['differences'] == []
    # The generators of the two do differ, so that mixing them up would show.
    assert first['torch'] != second['torch']
    assert 'written by 2 processes, this run has 1' in result['alone']
    assert 'bash tools/dist_train.sh CONFIG 2 --resume' in result['alone']
