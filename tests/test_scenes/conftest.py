"""What the tests of the drawn scenes share."""
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from mmengine.registry import DefaultScope


@pytest.fixture(autouse=True)
def scope():
    """Look parts up under mmfusenas, as every config does."""
    with DefaultScope.overwrite_default_scope('mmfusenas'):
        yield


@pytest.fixture
def without_vector_instructions(tmp_path: Path) -> Callable[[str], np.ndarray]:
    """Run code that sets ``found`` in a process whose NumPy and OpenCV use none, and return what it found."""
    from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

    plain = dict(
        NPY_DISABLE_CPU_FEATURES=' '.join(name for name in __cpu_dispatch__ if __cpu_features__[name]),
        OPENCV_CPU_DISABLE='AVX2,AVX512-SKX,FMA3', OPENCV_IPP='disabled')

    def run(code: str) -> np.ndarray:
        file = tmp_path / 'found.npy'
        code = f'import sys\nimport numpy as np\n{code}\nnp.save(sys.argv[1], found)'
        subprocess.run([sys.executable, '-c', code, file], check=True, env=os.environ | plain)
        return np.load(file)

    return run
