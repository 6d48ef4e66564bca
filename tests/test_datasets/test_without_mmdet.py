"""Pairs without boxes need neither mmdet nor compiled operators."""
import subprocess
import sys

SCRIPT = """
import sys
for name in ('mmdet', 'mmseg', 'mmcv.ops', 'mmcv._ext'):  # as where they are not installed
    sys.modules[name] = None
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope
from mmfusenas.registry import DATASETS, METRICS, MODELS, TRANSFORMS

init_default_scope('mmfusenas')
steps = [dict(type='RandomPatch', size=(16, 16)), dict(type='RandomFlip', prob=1.0)]
joint = dict(type='JointTransform', transforms=steps)
pipeline = [dict(type='LoadPairFromFile'), joint, dict(type='PackPairInputs')]
dataset = DATASETS.build(dict(type='PairDataset', data_root=sys.argv[1], pipeline=pipeline))
batch = MODELS.build(dict(type='PairDataPreprocessor'))(pseudo_collate([dataset[0], dataset[1]]))
print(*batch['inputs']['visible'].shape, *batch['inputs']['infrared'].shape, type(batch['data_samples'][0]).__name__)
for registry, name in ((DATASETS, 'CocoPairDataset'), (TRANSFORMS, 'PackPairDetInputs'), (METRICS, 'DetectionMetric'),
                       (TRANSFORMS, 'PackPairSegInputs'), (MODELS, 'TaskGuidedSegmentor')):
    try:
        registry.build(dict(type=name))
    except ImportError as error:
        print(error)
"""


def test_fusion_alone(pairs):
    done = subprocess.run(
        [sys.executable, '-W', 'ignore', '-c', SCRIPT, str(pairs)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    first, *refused = done.stdout.strip().splitlines()[-6:]
    assert first == '2 3 16 16 2 1 16 16 FusionDataSample'
    names = dict(CocoPairDataset='det', PackPairDetInputs='det', DetectionMetric='det', PackPairSegInputs='seg',
                 TaskGuidedSegmentor='seg')
    for line, (name, extra) in zip(refused, names.items(), strict=True):
        assert line.startswith(f'{name} needs mm{extra}') and f"pip install -e '.[{extra}]'" in line


IMPORT_ALL = """
import sys
for name in ('mmdet', 'mmseg', 'mmcv.ops', 'mmcv._ext'):
    sys.modules[name] = None
import importlib, pkgutil
import mmfusenas
for module in pkgutil.walk_packages(mmfusenas.__path__, 'mmfusenas.'):
    try:
        importlib.import_module(module.name)
    except ImportError:
        print(module.name)
"""


def test_every_module_imports_or_says_so():
    """The examples of a module that ends in another error than ImportError would end the run of all."""
    done = subprocess.run([sys.executable, '-W', 'ignore', '-c', IMPORT_ALL], capture_output=True, text=True,
                          check=False)
    assert done.returncode == 0, done.stderr
    names = {name.rpartition('.')[2] for name in done.stdout.split()}
    assert {'task_guided_detector', 'task_guided_segmentor'} <= names and len(names) < 20
