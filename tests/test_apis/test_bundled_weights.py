"""Every record of bundled weights: the network of its file works, or its command trains one."""
import re
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

from mmfusenas.apis import FusionInferencer, load_model, weights_records, weights_table
from mmfusenas.apis.half_precision import build_inferencer, builtin_inputs
from mmfusenas.apis.loading import build_from_config, input_options
from mmfusenas.utils.command_line import load_config
from mmfusenas.utils.weights import WEIGHTS_DIR, weights_details

RECORDS = weights_records()
SIZE = (69, 101)  # no multiples of what a network pads to
LARGEST = 45e6
"""Bytes of all bundled weights together: what a clone may cost."""
FUSION = ('tim-light', 'tim-full', 'tim-enhance', 'tim-mri-ct', 'tim-mri-pet', 'tim-mri-spect')


def needed_packages(name: str) -> None:
    """Skip where a package of a network is not installed."""
    packages = dict(retinanet=('mmdet', 'efficientnet_lite_pytorch'), segment=('mmseg', 'efficientnet_lite_pytorch'))
    for package in next((value for key, value in packages.items() if key in name), ()):
        pytest.importorskip(package)


@pytest.mark.parametrize('name', [name for name, record in RECORDS.items() if record.bundled])
def test_a_bundled_network_runs(name: str) -> None:
    needed_packages(name)
    record, model = RECORDS[name], load_model(name)
    assert sum(parameter.numel() for parameter in model.parameters()) == record.parameters
    assert record.training_data and record.figures and record.licence and record.description
    options = re.findall('--(\\w+)', input_options(model).replace('FILE', ''))
    assert record.inputs == options
    infer = build_inferencer(model, score_thr=0.0)
    images, = builtin_inputs(model, length=1, size=SIZE)
    out = infer(*images)
    assert out['image'].shape == (*SIZE, 3) and np.isfinite(out['image']).all() and out['image'].std() > 5
    if infer.has_task and hasattr(model, 'task'):
        classes = len(model.dataset_meta['classes'])
        if out['mask'] is not None:
            assert out['mask'].shape == SIZE and out['mask'].max() < classes
        else:
            assert len(out['boxes']) == len(out['scores']) > 0 and np.isfinite(out['boxes']).all()
            assert out['labels'].max() < classes


@pytest.mark.parametrize('name', [name for name, record in RECORDS.items() if not record.bundled])
def test_the_config_of_an_absent_network_builds_it(name: str, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    needed_packages(name)
    monkeypatch.chdir(root)
    model = build_from_config(load_config(configs_of(name)[-1]))
    assert sum(parameter.numel() for parameter in model.parameters()) == RECORDS[name].parameters


@pytest.mark.parametrize('name', RECORDS)
def test_configs_of_the_training_exist(name: str, root: Path) -> None:
    configs = configs_of(name)
    assert configs and all((root / config).is_file() for config in configs)


def configs_of(name: str) -> list[str]:
    """Return the configs that the command of a record trains with; that of a loop (``for part in a b; do``), each."""
    train = RECORDS[name].train
    config = re.search(r'configs/\S+\.py', train).group()
    loop = re.match(r'for (\w+) in ([^;]+);', train)
    return [config.replace(f'${{{loop[1]}}}', word) for word in loop[2].split()] if loop else [config]


def test_a_name_of_before_still_works() -> None:
    with pytest.warns(FutureWarning, match="'ruas-lol' are 'ruas-lowlight' now"):
        old = load_model('ruas-lol').state_dict()
    new = load_model('ruas-lowlight').state_dict()
    assert old.keys() == new.keys() and all(torch.equal(old[name], value) for name, value in new.items())


def test_all_files_are_small_and_have_records() -> None:
    files = list(WEIGHTS_DIR.glob('*.pth'))
    sizes = {file.stem: file.stat().st_size for file in files}
    assert sum(sizes.values()) <= LARGEST
    assert sum(size for name, size in sizes.items() if name in FUSION) <= 18e6
    assert {file.stem for file in files} <= set(RECORDS)


@pytest.mark.parametrize(('name', 'sensor', 'other'), [
    (name, *pair) for name, record in RECORDS.items() for pair in record.alone.items()])
def test_where_a_sensor_fails_the_weights_of_the_other_take_over(name: str, sensor: str, other: str) -> None:
    needed_packages(name)
    images, = builtin_inputs(load_model(name), length=1)
    fails = 'infrared' if sensor == 'visible' else 'visible'
    pair = dict(zip(('visible', 'infrared'), images, strict=True))
    infer = FusionInferencer(name, missing='fallback', score_thr=0.0)
    with warnings.catch_warnings():
        warnings.simplefilter('error', UserWarning)
        found = infer(**(pair | {fails: None}))
    expected = build_inferencer(load_model(other), score_thr=0.0)(pair[sensor])
    for key in ('boxes', 'scores', 'mask'):
        np.testing.assert_array_equal(found[key], expected[key])
    np.testing.assert_array_equal(infer(**pair)['boxes'], FusionInferencer(name, score_thr=0.0)(**pair)['boxes'])
    assert found['replaced'] == fails
    assert FusionInferencer(name, missing='fallback', alone={}).alone == FusionInferencer(name).alone == {}


def test_the_table_fits_a_terminal() -> None:
    table, _, commands = weights_table().partition('Train what is absent:')
    assert max(map(len, table.splitlines())) <= 120
    for name, record in RECORDS.items():
        line, = (line for line in table.splitlines() if line.startswith(f'{name} '))
        assert not record.bundled or line.endswith(record.main_figure)
        source = f'{", ".join(record.inputs)}; trained on {record.training_data or "-"}'
        assert f'{line} {source}' in re.sub(r'\n +', ' ', table)
        assert record.bundled or f'  {name}: {record.train}' in commands.splitlines()


@pytest.mark.parametrize('name', RECORDS)
def test_the_details_of_a_name_have_all_its_figures(name: str) -> None:
    record, details = RECORDS[name], weights_details(name)
    lines, words = details.splitlines(), ' '.join(details.split())
    assert max(map(len, lines[:-1])) <= 120 and lines[-1].endswith(record.train)
    figures = [f'{key}: {value}' for key, value in record.figures.items()]
    assert [text for text in (record.description, record.training_data, *figures) if text not in words] == []
    main = re.findall(r'(?<![\d.])\d+\.\d+', record.main_figure)  # of a line of the table: these figures
    assert main and all(figure.rstrip('0') in str(record.figures) for figure in main)
