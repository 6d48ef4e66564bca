"""The notebook runs from its first cell to its last."""
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

for package in ('mmdet', 'onnxruntime'):
    pytest.importorskip(package)


@pytest.mark.slow
def test_the_notebook_runs(root: Path, tmp_path: Path) -> None:
    cells = json.loads((root / 'projects/tutorial/tutorial.ipynb').read_text())['cells']
    code = '\n'.join(''.join(cell['source']) for cell in cells if cell['cell_type'] == 'code')
    path = os.pathsep.join([str(root), *filter(None, [os.environ.get('PYTHONPATH')])])
    run = subprocess.run([sys.executable, '-c', code], cwd=tmp_path, env=dict(os.environ, PYTHONPATH=path, EPOCHS='1'),
                         capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr[-3000:]
    made = {path.name for path in (tmp_path / 'tutorial').rglob('*')}
    assert {'found.png', 'index.html', 'genotype.json', 'retrain.py', 'detector.onnx'} <= made
    assert len(json.loads((tmp_path / 'tutorial/onnx/predictions.json').read_text())['images']) == 40


def test_no_cell_holds_output(root: Path) -> None:
    cells = json.loads((root / 'projects/tutorial/tutorial.ipynb').read_text())['cells']
    assert not any(cell.get('outputs') or cell.get('execution_count') for cell in cells)
