"""What the fuzzer found, each as one case: a message that names the file, and says what was got."""
import io
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from scipy.io import savemat

from kits.fuzzing import write_tiff
from mmfusenas.apis.deriving import found_genotype, found_supernet
from mmfusenas.apis.loading import build_model, elements, load_model
from mmfusenas.core.errors import InputError, UserError
from mmfusenas.datasets.coco_layout import check_coco
from mmfusenas.datasets.images import ImageError, read_array, read_infrared, read_visible, write_image
from mmfusenas.nas import Genotype, SearchSpace
from mmfusenas.nas.cost_table import CostTable, build_table, parameters_by_site
from mmfusenas.utils.checkpoint import extract_weights, load_checkpoint
from mmfusenas.utils.command_line import read_config
from mmfusenas.utils.config_check import ConfigError, check_config
from mmfusenas.utils.mat_file import read_mat

NETWORK = dict(_scope_='mmfusenas', type='TIMFusion', genotype='tim-light', channels=4)


@pytest.fixture(scope='module')
def supernet() -> torch.nn.Module:
    return build_model(dict(NETWORK, genotype=None), 'test')


# Images and arrays.

@pytest.mark.parametrize('kind', ['float16', 'float64', 'int16', 'uint32'])
@pytest.mark.parametrize('read', [read_visible, read_infrared])
def test_a_tiff_of_another_depth_is_not_called_damaged(kind: str, read, tmp_path: Path) -> None:
    write_tiff(tmp_path / 'a.tif', np.ones((4, 6), kind))
    with pytest.raises(ImageError, match=rf'a.tif holds {kind}; save it as 8 or 16 bit, or float32'):
        read(str(tmp_path / 'a.tif'))


def test_a_png_whose_chunk_states_more_than_follows_is_not_decoded(tmp_path: Path,
                                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenCV would allocate 2 GB for these 100 bytes."""
    write_image(tmp_path / 'a.png', np.ones((24, 32, 3), np.uint8))
    content = (tmp_path / 'a.png').read_bytes()
    monkeypatch.setattr('mmcv.imfrombytes', lambda *_, **__: pytest.fail('it was decoded'))
    place = content.index(b'IDAT') - 4
    (tmp_path / 'a.png').write_bytes(content[:place] + b'\x7f\xff\xff\xff' + content[place + 4:])
    with pytest.raises(ImageError, match='a.png .* cannot be decoded: it is damaged'):
        read_visible(str(tmp_path / 'a.png'))


def test_a_tiff_of_floats_is_read_and_a_cut_one_is_damaged(tmp_path: Path) -> None:
    array = np.float32(np.arange(24)).reshape(4, 6)
    write_tiff(tmp_path / 'a.tif', array)
    assert np.array_equal(read_infrared(str(tmp_path / 'a.tif')), array)
    (tmp_path / 'a.tif').write_bytes((tmp_path / 'a.tif').read_bytes()[:60])
    with pytest.raises(ImageError, match='a.tif .60 bytes. cannot be decoded: it is damaged'):
        read_infrared(str(tmp_path / 'a.tif'))


@pytest.mark.parametrize('shape', [b'9999999, 99999999', b'-4, 4', b'True, 4', b"'a', ", b'99999999999999999999, ',
                                   b'4, (4'])
def test_an_array_states_no_more_than_it_holds(shape: bytes, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    np.save(buffer, np.ones((4, 4), np.float32))
    (tmp_path / 'a.npy').write_bytes(buffer.getvalue().replace(b'4, 4', shape))
    with pytest.raises(ImageError, match='a.npy is no array of numbers'):
        read_array(str(tmp_path / 'a.npy'))


def test_a_damaged_mat_file(tmp_path: Path) -> None:
    savemat(tmp_path / 'a.mat', dict(x=np.ones((4, 5))))
    content = (tmp_path / 'a.mat').read_bytes()
    for damaged in (content[:-20], content[:128] + bytes(8) + content[128:], content[:-60] + content[-52:]):
        (tmp_path / 'a.mat').write_bytes(damaged)
        with pytest.raises(UserError, match='a.mat is no .mat file of version 7 or older, or damaged'):
            read_mat(tmp_path / 'a.mat', ['x'])


# Labels.

@pytest.mark.parametrize(('key', 'value'), [('area', [1]), ('area', 'x'), ('iscrowd', {}), ('iscrowd', 2),
                                            ('ignore', [])])
def test_optional_keys_of_a_coco_box(key: str, value: object) -> None:
    box = {'id': 1, 'image_id': 1, 'category_id': 0, 'bbox': [0, 0, 1, 1], key: value}
    image = dict(id=1, file_name='a.png', height=4, width=4)
    wrong = check_coco(dict(images=[image], annotations=[box], categories=[dict(id=0, name='a')]), 'x.json')
    assert len(wrong) == 1 and wrong[0].message.startswith(f'{key} is {value!r}; it has to be ')


# Genotypes and tables.

@pytest.mark.parametrize('change', [
    dict(weights=None), dict(weights=dict(loss=dict(l1=float('nan')))), dict(weights=dict(loss=dict(l1='1'))),
    dict(parts=[]), dict(parts=dict(neck='x')), dict(costs=3), dict(source=None), dict(space=1), dict(format=[1]),
    dict(space_hash=None)])
def test_fields_of_a_genotype(change: dict, tmp_path: Path) -> None:
    (tmp_path / 'a.json').write_text(json.dumps({**Genotype.load('tim-light').to_dict(), **change}))
    with pytest.raises(InputError, match='a.json'):
        Genotype.load(tmp_path / 'a.json')


def test_a_genotype_of_another_space_is_named_with_its_file(tmp_path: Path) -> None:
    (tmp_path / 'a.json').write_text(json.dumps(dict(choices=dict(x='y'))))
    with pytest.raises(InputError, match="a.json does not fit: TIMFusion has no choice 'x'"):
        build_model(dict(NETWORK, genotype=str(tmp_path / 'a.json')), 'test')


def test_a_cost_table_of_another_space_is_named_with_its_file(supernet, tmp_path: Path) -> None:
    space = SearchSpace(supernet)
    costs = {site: dict(latency_ms=1, macs=1, parameters=count) for site, count in parameters_by_site(space).items()}
    build_table(space, costs, {}).save(tmp_path / 'a.json')
    table = CostTable.load(tmp_path / 'a.json')
    table.check(space, 'macs')
    assert 'name' not in json.loads((tmp_path / 'a.json').read_text())
    with pytest.raises(InputError, match="a.json has no choice 'x'"):
        table.predict(Genotype(dict(x='y')))


# Checkpoints.

def checkpoint(path: Path, **change: object) -> Path:
    weights = build_model(NETWORK, 'test').state_dict()
    torch.save({**dict(meta=dict(model_cfg=json.dumps(NETWORK)), state_dict=weights), **change}, path)
    return path


@pytest.mark.parametrize('weights', [
    {None: torch.ones(1)}, {3: torch.ones(1)}, dict(a=torch.ones(2, 2).to_sparse()),
    dict(a=torch.ones(2, device='meta'))])
def test_weights_are_dense_tensors_by_name(weights: dict) -> None:
    with pytest.raises(InputError, match='a.pth holds no state dict'):
        extract_weights(dict(state_dict=weights), 'a.pth')


def test_a_tensor_of_one_number_does_not_count_as_many() -> None:
    weights = dict(a=torch.ones(1).expand(2**33), b=torch.ones(6))
    assert elements(dict(state_dict=dict(weights, c=weights['b'])), 'a.pth') == 7


@pytest.mark.parametrize('change', [dict(meta=[1]), dict(meta='x'), dict(bilevel_search=3)])
def test_a_checkpoint_of_wrong_types(change: dict, tmp_path: Path) -> None:
    with pytest.raises(InputError, match='a.pth'):
        load_model(checkpoint(tmp_path / 'a.pth', **change))


@pytest.mark.parametrize('genotype', [4, 'x.json', dict(choices=dict(x='y')), None])
def test_the_genotype_in_a_checkpoint(genotype: object, tmp_path: Path) -> None:
    config = json.dumps(dict(NETWORK, genotype=genotype))
    with pytest.raises(InputError, match='a.pth'):
        load_model(checkpoint(tmp_path / 'a.pth', meta=dict(model_cfg=config)))


def test_a_damaged_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PyTorch's reader ends in any error."""
    def damaged(*_: object, **__: object) -> None:
        raise TypeError("unhashable type: 'dict'")

    path = checkpoint(tmp_path / 'a.pth')
    monkeypatch.setattr(torch, 'load', damaged)
    with pytest.raises(InputError, match='a.pth cannot be read: it is damaged'):
        load_checkpoint(path)


@pytest.fixture(scope='module')
def search(supernet) -> dict:
    space = SearchSpace(supernet)
    return dict(meta=dict(model_cfg=json.dumps(dict(NETWORK, genotype=None))), state_dict=supernet.state_dict(),
                bilevel_search=dict(alphas=dict(space.alphas()), space_hash=space.hash, decisions=1),
                genotype=space.genotype().to_dict())


@pytest.mark.parametrize(('place', 'value', 'message'), [
    ('bilevel_search', torch.ones(2), None), ('bilevel_search', 'x', None), ('bilevel_search', {}, None),
    ('bilevel_search.space_hash', 3, 'has no space_hash'), ('bilevel_search.alphas', {}, 'missing in the file'),
    ('bilevel_search.alphas', 3, 'no tensors by name'),
    ('bilevel_search.alphas.cells.0.type', torch.ones(9), 'of another shape'),
    ('bilevel_search.alphas.cells.0.type', torch.full((3, ), float('nan')), 'are not finite'),
    ('state_dict', dict(a=torch.ones(1)), 'do not fit the supernet'),
    ('genotype.format', torch.ones(2), 'format'), ('genotype.choices', torch.ones(2), 'choices')])
def test_a_damaged_checkpoint_of_a_search(place: str, value: object, message: str | None, search: dict) -> None:
    head, _, rest = place.partition('.')
    part = dict(search[head]) if rest else value
    if rest.startswith('alphas.'):
        part['alphas'] = {**part['alphas'], rest.removeprefix('alphas.'): value}
    elif rest:
        part[rest] = value
    content = {**search, head: part}
    if message is None:  # the genotype beside it says what was found
        assert found_genotype(found_supernet(content, 'a.pth'), content, 'a.pth').choices
        return
    with pytest.raises(InputError, match=f'(?s)a.pth.*{message}'):
        found_genotype(found_supernet(content, 'a.pth'), content, 'a.pth')


# Configs.

@pytest.mark.parametrize('suffix', ['json', 'yaml'])
@pytest.mark.parametrize(('content', 'message'), [
    ({'_base_': 'evil.py'}, 'would run code'), ({'_base_': ['evil.py']}, 'would run code'),
    ({'{{$NO_SUCH:_base_}}': 'evil.py'}, 'would run code'), ({'_base_': '{{$NO_SUCH:evil.py}}'}, 'would run code'),
    ({'_base_': '{{ fileDirname }}/evil.py'}, 'would run code'), ({'_base_': 'between.json'}, 'would run code'),
    ({'_base_': 'mmengine::../../../evil.py'}, 'would run code'), ({'_base_': 3}, 'name of a file'),
    ({'_base_': 'circle.json'}, 'built on itself'), ([1], 'holds a list')])
def test_a_config_of_data_is_built_on_data(content: object, message: str, suffix: str, tmp_path: Path) -> None:
    (tmp_path / 'evil.py').write_text(f"open({str(tmp_path / 'marker')!r}, 'w')")
    (tmp_path / 'between.json').write_text('{"_base_": "evil.py"}')
    (tmp_path / 'circle.json').write_text('{"_base_": "circle.json"}')
    (tmp_path / f'a.{suffix}').write_text(json.dumps(content))
    with pytest.raises(UserError, match=message):
        read_config(str(tmp_path / f'a.{suffix}'))
    assert not (tmp_path / 'marker').exists()


def test_a_config_of_data_may_be_built_on_data_and_on_packages(tmp_path: Path) -> None:
    (tmp_path / 'b.yaml').write_text('x: 1\n')
    (tmp_path / 'a.json').write_text(
        '{"_base_": ["b.yaml", "mmfusenas::_base_/default_runtime.py"], "y": {{_base_.x}}}')
    cfg = read_config(str(tmp_path / 'a.json'))
    assert cfg.x == 1 and cfg.y == 1 and cfg.default_scope == 'mmfusenas'


@pytest.mark.parametrize(('path', 'value'), [
    ('model', 'x'), ('train_dataloader', [1]), ('default_hooks', 3), ('default_hooks.logger', True),
    ('val_evaluator', [[1]]), ('test_evaluator', ['x']), ('test_evaluator', 'x'), ('custom_hooks', [None]),
    ('optim_wrapper.paramwise_cfg.custom_keys', [1]), ('optim_wrapper.paramwise_cfg.custom_keys.a', 'x'),
    ('model.data_preprocessor', 'x')])
def test_parts_of_a_config_are_dicts(path: str, value: object) -> None:
    content: object = value
    for key in reversed(path.split('.')):
        content = {key: content}
    content.setdefault('default_scope', 'mmfusenas')
    with pytest.raises(ConfigError, match='it has to be a dict'):
        check_config(Config(content))


def test_a_key_of_a_config_that_is_a_number() -> None:
    with pytest.raises(ConfigError, match='3.5: a dataloader takes no such argument'):
        check_config(Config(dict(default_scope='mmfusenas', train_dataloader={3.5: 1})))
