"""Genotypes: files, names, parts, and one clear message for each that is none."""
import json

import pytest

from mmfusenas.models.scene import TIMFusion
from mmfusenas.nas import Choice, Genotype, SearchSpace, published_genotypes

FULL = Genotype(
    choices={'scene.cells.0.type': 'successive', 'scene.cells.0.successive.ops.0': 'rb_3', 'task.neck.edge': 'skip'},
    space='TaskGuidedDetector', space_hash='0123456789abcdef',
    costs=dict(parameters=127358, macs=None, latency_ms=1.5), source=dict(config='a.py', epoch=20, seed=0),
    parts={'scene': dict(space='TIMFusion', space_hash='aa'), 'task.neck': dict(space='Neck', space_hash='bb')},
)  # fmt: skip


@pytest.fixture
def file(tmp_path):
    path = tmp_path / 'deep' / 'genotype.json'
    FULL.save(path)
    return path


def test_file_round_trip_is_identical(file):
    assert Genotype.load(file) == FULL
    assert Genotype.load(str(file)) == FULL
    assert Genotype.load(FULL.to_dict()) == FULL
    assert Genotype.load(FULL) is FULL
    before = file.read_text()
    Genotype.load(file).save(file)
    assert file.read_text() == before
    assert [path.name for path in file.parent.iterdir()] == ['genotype.json'], 'nothing is left beside'


def test_file_is_the_documented_json(file):
    data = json.loads(file.read_text())
    assert data['format'] == 1
    assert set(data) == {'format', 'choices', 'space', 'space_hash', 'costs', 'source', 'weights', 'parts'}
    assert list(data['choices']) == list(FULL.choices), 'the order of the space is kept'
    assert data['costs'] == dict(parameters=127358, macs=None, latency_ms=1.5)


def test_part_of_a_file(file):
    part = Genotype.load(f'{file}#scene')
    assert part.choices == {'cells.0.type': 'successive', 'cells.0.successive.ops.0': 'rb_3'}
    assert (part.space, part.space_hash, part.source) == ('TIMFusion', 'aa', FULL.source)
    assert Genotype.load(f'{file}#task.neck').choices == {'edge': 'skip'}
    with pytest.raises(ValueError, match=r"no part 'sceen'; the nearest is 'scene'.*\['scene', 'task.neck'\]"):
        Genotype.load(f'{file}#sceen')


@pytest.mark.parametrize(('name', 'order'), [
    ('tim-light', ['successive', 'successive']), ('tim-full', ['multi_scale', 'successive']),
])  # fmt: skip
def test_published_genotypes_load_and_derive(name, order):
    assert name in published_genotypes()
    genotype = Genotype.load(name)
    supernet = TIMFusion()
    assert genotype.space_hash == SearchSpace(supernet).hash
    assert [genotype.choices[f'cells.{i}.type'] for i in (0, 1)] == order
    derived, built = SearchSpace(supernet).derive(genotype), TIMFusion(genotype=name)
    shapes = {key: value.shape for key, value in built.state_dict().items()}
    assert {key: value.shape for key, value in derived.state_dict().items()} == shapes
    assert sum(p.numel() for p in built.parameters()) == genotype.costs['parameters']
    assert not any(isinstance(module, Choice) for module in built.modules())


def test_every_published_genotype_is_valid():
    assert published_genotypes() == sorted(published_genotypes())
    for name in published_genotypes():
        genotype = Genotype.load(name)
        assert genotype.choices
        assert genotype.source['publication']


def test_unknown_name_or_file():
    with pytest.raises(FileNotFoundError, match="No genotype 'tim-ligth'.*the nearest is 'tim-light'"):
        Genotype.load('tim-ligth')
    with pytest.raises(FileNotFoundError, match=r"published name.*'tim-light'"):
        TIMFusion(genotype='work_dirs/nowhere/genotype.json')


@pytest.mark.parametrize(('text', 'message'), [
    ('{"choices": ', 'is not JSON'),
    ('\x00\x01', 'is not JSON'),
    ('[1, 2]', 'holds a list where fields are expected'),
    ('{"space": "TIMFusion"}', "no 'choices'"),
    ('{"choices": ["rb_3"]}', "no 'choices'"),
    ('{"choices": {"ops.0": 3}}', "choice 'ops.0' is 3; a candidate is a name"),
    ('{"choices": {}, "chioces": {}}', r"unknown fields \['chioces'\]"),
    ('{"format": 2, "choices": {}}', 'has format 2; this version of mmfusenas reads format 1'),
])  # fmt: skip
def test_file_that_is_no_genotype_says_so_and_names_itself(tmp_path, text, message):
    path = tmp_path / 'broken.json'
    path.write_text(text)
    with pytest.raises(ValueError, match=message) as caught:
        Genotype.load(path)
    assert 'broken.json' in str(caught.value)


def test_file_that_is_not_text(tmp_path):
    path = tmp_path / 'image.json'
    path.write_bytes(b'\x89PNG\xff\xfe')
    with pytest.raises(ValueError, match='image.json is not JSON'):
        Genotype.load(path)
