"""A seeded fuzzer of every kind of file that the package reads: ``python tests/kits/fuzzing.py --cases 2400``.

Each case damages a good file and reads it as the tools do. It has to end in an error for people that names the file,
or to work; within seconds and 2 GB, and without running code, reading or writing another file.
"""
from __future__ import annotations

import argparse
import copy
import faulthandler
import io
import json
import os
import random
import resource
import signal
import struct
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from scipy.io import savemat

from mmfusenas.apis.deriving import found_genotype, found_supernet
from mmfusenas.apis.loading import build_model, load_model
from mmfusenas.core.errors import UserError
from mmfusenas.datasets import CocoPairDataset, PairDataset, VOCPairDataset, YOLOPairDataset
from mmfusenas.datasets.annotations import read_bbgt, read_darkface
from mmfusenas.datasets.checks import check_pair, check_values
from mmfusenas.datasets.homography import Homography
from mmfusenas.datasets.images import image_size, read_array, read_infrared, read_visible
from mmfusenas.nas import Genotype, SearchSpace
from mmfusenas.nas.cost_table import CostTable, build_table, parameters_by_site
from mmfusenas.utils.checkpoint import load_checkpoint
from mmfusenas.utils.command_line import load_config
from mmfusenas.utils.config_check import check_config
from mmfusenas.utils.mat_file import read_mat
from mmfusenas.utils.safe_loading import use_safe_loading

SECONDS = 10
"""Of one case."""
MEMORY = 2 * 2**30
"""Beyond what the process has at its start, in bytes."""

CLASSES = ('person', 'car')
STEM = 'subject'
"""Of the damaged file. A message that names it is about it."""

EVENTS = ('os.system', 'subprocess.Popen', 'os.exec', 'os.posix_spawn', 'os.spawn', 'os.fork', 'os.forkpty',
          'socket.connect', 'socket.getaddrinfo', 'urllib.Request', 'pty.spawn', 'ctypes.dlopen/marker')
"""What no file may cause (https://docs.python.org/3/library/audit_events.html)."""


# ---------------------------------------------------------------------------------------------------------------------
# What is fuzzed: how a good file is made, and how it is read.

class Kind(NamedTuple):
    """A kind of file.

    Attributes:
        suffix: Of its files.
        make: Writes a good one.
        read: Reads it, as the tools do.
        damage: Ways to damage it, beside those of :data:`BYTES`: each changes a file.
        share: Of the cases that are asked for: what takes long gets fewer.
    """

    suffix: str
    make: Callable[[Path], None]
    read: Callable[[Path], Any]
    damage: tuple[Callable[[Path, random.Random], None], ...] = ()
    share: float = 1


def _image(path: Path, dtype: str = 'uint8', channels: int = 3) -> None:
    values = np.random.default_rng(0).integers(0, 256, (24, 32, channels)).astype(dtype)
    values[:, :16] = 7
    assert cv2.imwrite(str(path), values.squeeze())


def _read_images(path: Path) -> None:
    """Both sensors and the size, which says the same as the image."""
    size = image_size(str(path))
    image = read_visible(str(path))
    assert image.shape == (*size, 3), (image.shape, size)
    assert read_infrared(str(path)).shape == tuple(size)
    check_values(image, str(path))


def _array(path: Path) -> None:
    np.save(path, np.random.default_rng(0).random((24, 32), np.float32))


def _pair(path: Path) -> None:
    """The images beside a label file of that stem."""
    for folder in ('vi', 'ir'):
        (path.parent / folder).mkdir(exist_ok=True)
        _image(path.parent / folder / f'{STEM}.png')


def _yolo(path: Path) -> None:
    _pair(path)
    path.write_text('0 0.5 0.5 0.25 0.5\n1 0.25 0.5 0.5 0.5\n')


def _voc(path: Path) -> None:
    _pair(path)
    objects = ''.join(f'<object><name>{name}</name><difficult>0</difficult><bndbox><xmin>5</xmin><ymin>2</ymin>'
                      f'<xmax>25</xmax><ymax>20</ymax></bndbox></object>' for name in CLASSES)
    path.write_text(f'<annotation><size><width>32</width><height>24</height><depth>3</depth></size>{objects}'
                    '</annotation>')


def _bbgt(path: Path) -> None:
    _pair(path)
    path.write_text('% bbGt version=3\ncar 2 3 10 12 0 0 0 0 0 0 0\nperson 4 3 8 12 0 0 0 0 0 1 0\n')


def _faces(path: Path) -> None:
    _pair(path)
    path.write_text('2\n2 3 10 12\n4 3 8 12\n')


def _coco(path: Path) -> None:
    _pair(path)
    box = dict(bbox=[2, 3, 10.5, 12], area=126, iscrowd=0)
    path.write_text(json.dumps(dict(
        info=dict(year=2026), images=[dict(id=1, file_name=f'{STEM}.png', height=24, width=32)],
        annotations=[dict(box, id=1, image_id=1, category_id=0), dict(box, id=2, image_id=1, category_id=1)],
        categories=[dict(id=0, name='person'), dict(id=1, name='car', supercategory='none')])))


def _read_set(build: Callable) -> Callable[[Path], None]:
    """Read a data set of one pair, and look at it as the check tool and a training do."""

    def read(path: Path) -> None:
        dataset = build(path)
        info = dataset[0]
        check_pair(info, classes=CLASSES)
        for instance in info['instances']:
            left, top, right, bottom = instance['bbox']
            assert 0 <= left < right <= 32 and 0 <= top < bottom <= 24, instance
            assert instance['bbox_label'] in range(len(CLASSES)), instance

    return read


def _in_folders(build: type, **kwargs: Any) -> Callable[[Path], Any]:
    folders = dict(img='vi', infrared='ir', ann='.')
    return lambda path: build(data_root=str(path.parent), data_prefix=folders, metainfo=dict(classes=CLASSES),
                              unlabelled='error', **kwargs)


class BbgtDataset(PairDataset):
    """Pairs with bbGt files, as ExDark has them."""

    READER, ANNOTATION_SUFFIX = staticmethod(read_bbgt), '.txt'
    PREFIX = dict(img='vi', infrared='ir', ann='.')


class FacesDataset(PairDataset):
    """Pairs with DARK FACE's files."""

    READER, ANNOTATION_SUFFIX = staticmethod(read_darkface), '.txt'
    PREFIX = dict(img='vi', infrared='ir', ann='.')


def _coco_set(path: Path) -> CocoPairDataset:
    return CocoPairDataset(data_root=str(path.parent), ann_file=path.name, metainfo=dict(classes=CLASSES),
                           data_prefix=dict(img='vi', infrared='ir'))


NETWORK = dict(type='TIMFusion', genotype='tim-light', channels=4)


def _genotype(path: Path) -> None:
    genotype = Genotype.load('tim-light')
    space = SearchSpace(build_model(dict(NETWORK, genotype=None), 'fuzzer'))
    path.write_text(json.dumps(dict(genotype.to_dict(), space_hash=space.hash, costs=dict(parameters=3, macs=1.5),
                                    source=dict(config='a.py', epoch=3, seed=0))))


def _read_genotype(path: Path) -> None:
    genotype = Genotype.load(path)
    build_model(dict(NETWORK, genotype=str(path)), 'fuzzer')
    genotype.save(path.with_name('copy.json'))
    assert Genotype.load(path.with_name('copy.json')) == genotype


def _table(path: Path) -> None:
    space = SearchSpace(build_model(dict(NETWORK, genotype=None), 'fuzzer'))
    costs = {site: dict(latency_ms=0.5, macs=7, parameters=count) for site, count in parameters_by_site(space).items()}
    build_table(space, costs, dict(device='cpu')).save(path)


def _read_table(path: Path) -> None:
    table = CostTable.load(path)
    space = SearchSpace(build_model(dict(NETWORK, genotype=None), 'fuzzer'))
    table.check(space, 'macs')
    costs = table.predict(space.genotype())
    assert all(np.isfinite(value) and value >= 0 for value in costs.values()), costs


def _homography(path: Path) -> None:
    Homography([[1.1, 0.01, -0.05], [0, 1.05, 0.02], [0.01, 0, 1]]).save(path)


def _read_homography(path: Path) -> None:
    seen = Homography.load(path)(np.full((12, 16, 3), 90, np.uint8), np.full((10, 14), 60, np.uint8))
    assert seen.shape == (12, 16) and set(np.unique(seen)) <= {60, 90}


def _checkpoint(path: Path) -> None:
    model = build_model(NETWORK, 'fuzzer')
    torch.save(dict(meta=dict(model_cfg=json.dumps(NETWORK), epoch=2, iter=10, seed=0, stage='scene',
                              test_pipeline=json.dumps([dict(type='LoadPairFromFile'), dict(type='PackPairInputs')]),
                              dataset_meta=dict(classes=CLASSES)), state_dict=model.state_dict()), path)


def _read_checkpoint(path: Path) -> None:
    model = load_model(path)
    out = model(dict(visible=torch.rand(1, 3, 8, 8), infrared=torch.rand(1, 1, 8, 8)), mode='tensor')
    assert out is not None


def _search(path: Path) -> None:
    config = dict(NETWORK, genotype=None)
    model = build_model(config, 'fuzzer')
    space = SearchSpace(model)
    state = dict(alphas=dict(space.alphas()), space_hash=space.hash, decisions=1)
    torch.save(dict(meta=dict(model_cfg=json.dumps(config), epoch=2, seed=0), bilevel_search=state,
                    genotype=space.genotype().to_dict(), state_dict=model.state_dict()), path)


def _read_search(path: Path) -> None:
    content = load_checkpoint(path)
    found_genotype(found_supernet(content, str(path)), content, str(path))


CONFIG = dict(
    default_scope='mmfusenas', model=dict(NETWORK, loss=dict(type='FusionLoss')),
    train_dataloader=dict(batch_size=2, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=True),
                          dataset=dict(type='PairDataset', data_root='data', pipeline=[dict(type='LoadPairFromFile')])),
    train_cfg=dict(type='ResumableEpochTrainLoop', max_epochs=2, val_interval=1),
    optim_wrapper=dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=0.001, betas=[0.9, 0.99]),
                       paramwise_cfg=dict(custom_keys=dict(fusion=dict(lr_mult=0.1)))),
    param_scheduler=[dict(type='CosineAnnealingLR', T_max=2, by_epoch=True)],
    default_hooks=dict(checkpoint=dict(type='SafeCheckpointHook', interval=1)),
    val_evaluator=[dict(type='FusionMetric')], randomness=dict(seed=0), env_cfg=dict(cudnn_benchmark=False))


def _config(path: Path) -> None:
    Config(copy.deepcopy(CONFIG)).dump(path)


def _read_config(path: Path) -> None:
    check_config(load_config(str(path)))


def _list(path: Path) -> None:
    _pair(path)
    path.write_text(f'{STEM}\n')


def _read_list(path: Path) -> None:
    folders = dict(img='vi', infrared='ir')
    check_pair(PairDataset(data_root=str(path.parent), data_prefix=folders, split=path.name)[0])


# ---------------------------------------------------------------------------------------------------------------------
# How it is damaged.

def flip(path: Path, chance: random.Random) -> None:
    """Change a few bytes."""
    content = bytearray(path.read_bytes())
    for _ in range(chance.choice((1, 2, 4, 16))):
        if content:
            content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    path.write_bytes(content)


def flip_head(path: Path, chance: random.Random) -> None:
    """Change a byte of the first, which are the header of most."""
    content = bytearray(path.read_bytes())
    if content:
        content[chance.randrange(min(len(content), 64))] = chance.randrange(256)
    path.write_bytes(content)


def cut(path: Path, chance: random.Random) -> None:
    """Leave a part from the beginning on, or nothing."""
    content = path.read_bytes()
    path.write_bytes(content[:chance.choice((0, chance.randrange(len(content) + 1)))])


def remove(path: Path, chance: random.Random) -> None:
    """Take a few bytes out of the middle."""
    content = path.read_bytes()
    start = chance.randrange(len(content) + 1)
    path.write_bytes(content[:start] + content[start + chance.randrange(1, 64):])


def repeat(path: Path, chance: random.Random) -> None:
    """Write a part once more."""
    content = path.read_bytes()
    start = chance.randrange(len(content) + 1)
    path.write_bytes(content[:start] + content[start:start + chance.randrange(1, 200)] * 2 + content[start + 1:])


def overwrite(path: Path, chance: random.Random) -> None:
    """Write a number where a size may stand."""
    content = bytearray(path.read_bytes())
    number = chance.choice((0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x10000, 0xFFFF))
    start = chance.randrange(max(1, min(len(content), chance.choice((64, len(content) or 1)))))
    content[start:start + 4] = number.to_bytes(4, chance.choice(('little', 'big')))
    path.write_bytes(content)


BYTES = (flip, flip_head, cut, remove, repeat, overwrite)

_NUMBERS = (0, -1, 1, 2, 0.5, -0.5, 1.5, 7, 255, 256, 2**31, -2**31, 2**53, 2**63, 2**64, 10**30, 10**400, 1e308,
            -1e308, 5e-324, float('nan'), float('inf'), float('-inf'))
_WORDS = ('', ' ', 'x', '0', '-1', 'nan', 'None', 'a' * 5000, 'ü', '\0', '\ud800', '..', '../outside', '/etc/passwd',
          'type', 'os.system', 'subprocess.Popen', 'person', 'tim-light', 'outside.json', '{{ fileDirname }}',
          '{{$HOME:x}}', '{{_base_.x}}', "__import__('os').system('touch marker')", 'outside.py', 'mmdet::x/y.py',
          'http://127.0.0.1:9/a.pth', 'builtins.eval')
_KEYS = ('', 'type', '_base_', '_scope_', '_delete_', 'custom_imports', 'init_cfg', 'default_scope', 'genotype', 'id',
         'x', 'channels', 'model_cfg', '__class__', "a']; import os #")


def value(chance: random.Random) -> Any:
    """Return what does not belong there."""
    return chance.choice((
        lambda: chance.choice(_NUMBERS), lambda: chance.choice(_WORDS),
        lambda: chance.choice((None, True, False, [], {}, [[]], {'': None})),
        lambda: [value(chance) for _ in range(chance.randrange(3))],
        lambda: {chance.choice(_KEYS): value(chance)},
        lambda: _nested(chance.choice((50, 200, 2000)), chance),
    ))()


def _nested(depth: int, chance: random.Random) -> Any:
    node: Any = 1
    kind = chance.random() < 0.5
    for _ in range(depth):
        node = [node] if kind else {'a': node}
    return node


def _places(tree: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every container of nested dicts and lists with each of its keys."""
    nodes = [tree]
    while nodes:
        node = nodes.pop()
        for key in list(node) if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ():
            yield node, key
            nodes.append(node[key])


def damage_tree(tree: Any, chance: random.Random) -> Any:
    """Rename or remove a key, or put something else in the place of a value."""
    for _ in range(chance.choice((1, 1, 1, 3))):
        places = list(_places(tree))
        if not places or chance.random() < 0.02:
            return value(chance)
        # Few of thousands of numbers are of interest: keys of every depth come alike.
        depths: dict[int, list] = {}
        for node, key in places:
            depths.setdefault(len(node), []).append((node, key))
        node, key = chance.choice(chance.choice(list(depths.values())))
        way = chance.randrange(6)
        if way == 0 and isinstance(node, dict):
            node[chance.choice((*_KEYS, f'{key}x'))] = node.pop(key)
        elif way == 1:
            del node[key]
        elif way == 2 and isinstance(node, list):
            node.append(copy.deepcopy(node[key]))
        elif way == 3:
            other, at = chance.choice(places)
            with_it = other[at] if isinstance(other, dict) and at in other else None
            node[key] = copy.deepcopy(with_it)
        elif way == 4 and isinstance(node, dict):
            node[chance.choice(_KEYS)] = value(chance)
        else:
            node[key] = value(chance)
    return tree


def in_json(path: Path, chance: random.Random) -> None:
    """Damage the values of a JSON file."""
    _write_json(path, damage_tree(json.loads(path.read_text()), chance))


def _write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content))


def in_yaml(path: Path, chance: random.Random) -> None:
    """Damage the values of a YAML file, which JSON is, or put a tag there."""
    import yaml
    tree = damage_tree(yaml.safe_load(path.read_text()), chance)
    _write_json(path, tree)
    tags = ('!!python/object/apply:os.system ["touch marker"]', '!!python/name:os.system', '!!binary "a"', '*a',
            '&a [*a]', '!!set {a, b}', '2026-01-01', '0x7F', '1:2:3', '!!python/tuple [1, 2]', '? [1]\n: 2', '@', '\t')
    if chance.random() < 0.4:
        path.write_text(path.read_text().replace('"type": ', f'"x": {chance.choice(tags)}, "type": ', 1))


def built_on(path: Path, chance: random.Random) -> None:
    """Build a config on another file, by a variable too."""
    content = json.loads(path.read_text()) if path.suffix == '.json' else copy.deepcopy(CONFIG)
    base = chance.choice(('outside.py', './outside.py', 'outside.json', '{{$X:outside.py}}', path.name,
                          'x::../outside.py',
                          '{{ fileDirname }}/outside.py', 'mmfusenas::../../outside.py', 'nowhere.json',
                          '', 3, None))
    key = chance.choice(('_base_', '_base_', '{{$X:_base_}}'))
    _write_json(path, {key: [base] if chance.random() < 0.5 else base, **content})


def in_checkpoint(path: Path, chance: random.Random) -> None:
    """Damage the values of a checkpoint, or of the JSON in it."""
    content = torch.load(path, weights_only=True)
    part = chance.choice((content, content, *[text for text in ('model_cfg', 'test_pipeline')
                                              if text in content['meta']]))
    if isinstance(part, str):
        content['meta'][part] = json.dumps(damage_tree(json.loads(content['meta'][part]), chance))
    elif chance.random() < 0.4:
        content['state_dict'] = _damaged_weights(content['state_dict'], chance)
    else:
        content = damage_tree(content, chance)
    torch.save(content, path)


def _damaged_weights(weights: dict, chance: random.Random) -> dict:
    weights = dict(weights)
    name = chance.choice([name for name, weight in weights.items() if weight.ndim])
    weight = weights.pop(name)
    others = (weight.double(), weight.long(), weight.bool(), weight.to(torch.complex64), weight.half(), weight[..., :0],
              weight[None], weight * float('nan'), weight + float('inf'), weight.to_sparse(),
              weight.reshape(-1), torch.empty(()), torch.empty((1, )).expand(2**33), weight.to('meta'), None, 3,
              'x', [weight], dict(a=weight), torch.nn.Parameter(weight.float()))
    key = chance.choice((name, name, name, f'module.{name}', f'{name}.x', '', 3, None, (1, 2)))
    return {**weights, key: chance.choice(others)}


def with_code(path: Path, chance: random.Random) -> None:
    """Put an object there that runs a command where it is unpickled."""
    import pickle
    import subprocess

    class Evil:
        def __reduce__(self) -> tuple:
            return chance.choice((
                (os.system, ('touch marker', )), (subprocess.call, (['touch', 'marker'], )),
                (eval, ("open('marker', 'w')", )), (exec, ("open('marker', 'w')", )), (Path.touch, (Path('marker'), ))))

    content = torch.load(path, weights_only=True)
    content[chance.choice(('state_dict', 'meta', 'bilevel_search', 'x'))] = Evil()
    if chance.random() < 0.3:
        path.write_bytes(pickle.dumps(content, protocol=chance.choice((0, 2, 4))))
    else:
        torch.save(content, path, pickle_protocol=chance.choice((2, 4)),
                   _use_new_zipfile_serialization=chance.random() < 0.5)


def in_words(path: Path, chance: random.Random) -> None:
    """Put other words and lines into a text file."""
    lines = [line.split(' ') for line in path.read_text().split('\n')]
    line = chance.choice(lines)
    words = (*map(repr, _NUMBERS[:16]), *_WORDS, 'nan', '1e400', '-inf', '1_0', '٣', '0x10', '\u2028', '\x1c')
    way = chance.randrange(4)
    if way == 0:
        line.insert(chance.randrange(len(line) + 1), chance.choice(words))
    elif way == 1:
        lines.insert(chance.randrange(len(lines) + 1), line * chance.choice((1, 2, 1000)))
    else:
        line[chance.randrange(len(line))] = chance.choice(words)
    text = '\n'.join(map(' '.join, lines))
    path.write_bytes(text.encode(chance.choice(('utf-8', 'utf-8', 'utf-8', 'utf-16', 'latin-1')), 'replace'))


def in_xml(path: Path, chance: random.Random) -> None:
    """Put other values, names and entities into an XML file."""
    import re
    text = path.read_text()
    values = list(re.finditer(r'>([^<>]+)<', text))
    names = list(re.finditer(r'</?(\w+)', text))
    found = chance.choice(chance.choice((values, values, names)))
    words = (*map(repr, _NUMBERS[:16]), *_WORDS, 'nan', '1e400', '-inf', '<a/>', '<![CDATA[5]]>', '&x;', '&#0;', '1_0')
    text = text[:found.start(1)] + chance.choice(words) + text[found.end(1):]
    if chance.random() < 0.3:
        laughs = ''.join(f'<!ENTITY x{n} "{f"&x{n - 1};" * 10}">' for n in range(1, 10))
        entity = chance.choice((f'<!ENTITY x0 "ha">{laughs}<!ENTITY x "&x9;">', '<!ENTITY x SYSTEM "file:///etc/passwd">',
                                '<!ENTITY x SYSTEM "outside.json">'))
        text = f'<?xml version="1.0"?><!DOCTYPE a [{entity}]>{text}'.replace('>car<', '>&x;<')
    path.write_bytes(text.encode('utf-8', 'replace'))


def as_array(path: Path, chance: random.Random) -> None:
    """Another kind of array, or a header that states one."""
    kinds = (np.float16, np.float64, np.int64, np.uint8, bool, complex, object, 'U5', 'datetime64[s]', '>f4', '>u2',
             [('a', 'f4')], np.longdouble)
    shapes = ((), (0, ), (4, ), (0, 4), (4, 4, 0), (3, 4), (3, 4, 7), (1, 2, 3, 4), (2, ) * 20)
    buffer = io.BytesIO()
    np.save(buffer, np.zeros(chance.choice(shapes)).astype(chance.choice(kinds)), allow_pickle=True)
    content = buffer.getvalue()
    if chance.random() < 0.5:
        start = content.find(b"'shape': (")
        stated = chance.choice((b'9999999, 99999999', b'-4, 4', b'4, -1', b'99999999999999999999,', b'True, 4',
                                b"'a',"))
        end = content.find(b')', start)
        content = content[:start + 10] + stated + content[end:]
    path.write_bytes(content)


def as_mat(path: Path, chance: random.Random) -> None:
    """Another content of a .mat file."""
    contents = (dict(x=np.zeros((0, 0))), dict(x='text'), dict(x=dict(a=1)), dict(y=1),
                dict(x=np.array([{}, 1], object)), dict(x=np.zeros((2, 2), complex)), dict(x=[[float('nan')]]))
    savemat(path, chance.choice(contents), do_compression=chance.random() < 0.5)


def as_image(path: Path, chance: random.Random) -> None:
    """An image of another kind under this suffix, of another size, depth or number of channels."""
    from PIL import Image
    dtype = chance.choice((np.uint8, np.uint16, np.float32, np.float64, np.float16, np.int16, np.int32, np.uint32,
                           bool))
    shape = chance.choice(((1, 1), (1, 700), (24, 32), (24, 32, 3), (24, 32, 4), (24, 32, 2)))
    array = (np.random.default_rng(0).random(shape) * 200).astype(dtype)
    kind = chance.choice(('png', 'tiff', 'tiff', 'jpeg', 'bmp', 'webp', 'gif', 'ppm', 'huge'))
    if kind == 'huge':
        Image.new('L', chance.choice(((9000, 9000), (65000, 1100)))).save(path, 'png', compress_level=1)
    elif kind == 'tiff' and dtype is not bool:
        write_tiff(path, array)
    else:
        grey = array.astype(np.uint8).reshape(*shape[:2], -1)[..., 0]
        Image.fromarray(grey).save(path, kind)


def write_tiff(path: Path, array: np.ndarray) -> None:
    """Write an array of any type as an uncompressed TIFF of one strip, which neither OpenCV nor Pillow do."""
    height, width = array.shape[:2]
    channels = array[0, 0].size
    data = np.ascontiguousarray(array).tobytes()
    kind = dict(u=1, i=2, f=3)[array.dtype.kind]
    bits = array.dtype.itemsize * 8
    entries = [(256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, bits), (259, 3, 1, 1),
               (262, 3, 1, 2 if channels == 3 else 1), (273, 4, 1, 8), (277, 3, 1, channels), (278, 4, 1, height),
               (279, 4, 1, len(data)), (284, 3, 1, 1), (339, 3, 1, kind)]
    if channels > 1:  # the depths of all do not fit into an entry
        data += np.full(channels, bits, '<u2').tobytes() + np.full(channels, kind, '<u2').tobytes()
        at = 8 + len(data)
        entries[2], entries[-1] = (258, 3, channels, at - 4 * channels), (339, 3, channels, at - 2 * channels)
    directory = len(entries).to_bytes(2, 'little') + b''.join(
        struct.pack('<HHII', tag, form, count, number)
        for tag, form, count, number in entries) + bytes(4)
    path.write_bytes(b'II*\0' + (8 + len(data)).to_bytes(4, 'little') + data + directory)


KINDS: dict[str, Kind] = {
    'png': Kind('.png', _image, _read_images, (as_image, )),
    'png of 16 bit': Kind('.png', lambda path: _image(path, 'uint16', 1), _read_images),
    'jpeg': Kind('.jpg', _image, _read_images, (as_image, )),
    'tiff': Kind('.tif', _image, _read_images, (as_image, )),
    'tiff of floats': Kind('.tiff', lambda path: _image(path, 'float32', 1), _read_images, (as_image, )),
    'npy': Kind('.npy', _array, lambda path: read_array(str(path)), (as_array, as_array)),
    'mat': Kind('.mat', lambda path: savemat(path, dict(x=np.ones((4, 5)), y='text')),
                lambda path: read_mat(path, ['x']), (as_mat, )),
    'yolo': Kind('.txt', _yolo, _read_set(_in_folders(YOLOPairDataset)), (in_words, ) * 4),
    'voc': Kind('.xml', _voc, _read_set(_in_folders(VOCPairDataset)), (in_xml, ) * 6),
    'bbgt': Kind('.txt', _bbgt, _read_set(_in_folders(BbgtDataset)), (in_words, ) * 4),
    'dark face': Kind('.txt', _faces, _read_set(_in_folders(FacesDataset)), (in_words, ) * 4),
    'coco': Kind('.json', _coco, _read_set(_coco_set), (in_json, ) * 9),
    'list': Kind('.txt', _list, _read_list, (in_words, ) * 2),
    'genotype': Kind('.json', _genotype, _read_genotype, (in_json, ) * 9),
    'cost table': Kind('.json', _table, _read_table, (in_json, ) * 6),
    'homography': Kind('.json', _homography, _read_homography, (in_json, ) * 6),
    'checkpoint': Kind('.pth', _checkpoint, _read_checkpoint, (in_checkpoint, ) * 9 + (with_code, ), 0.7),
    'search checkpoint': Kind('.pth', _search, _read_search, (in_checkpoint, ) * 9 + (with_code, ), 0.5),
    'json config': Kind('.json', _config, _read_config, (in_json, ) * 6 + (built_on, )),
    'yaml config': Kind('.yaml', _config, _read_config, (in_yaml, ) * 6 + (built_on, )),
}


# ---------------------------------------------------------------------------------------------------------------------
# What happens.

class TooSlow(BaseException):
    """A case that hangs."""


class Watch:
    """Remembers what a file may not cause, as Python's audit hooks tell it: they cannot be taken off again."""

    def __init__(self) -> None:
        self.folder: Path | None = None
        self.seen: list[str] = []
        sys.addaudithook(self._hook)

    def _hook(self, event: str, args: tuple) -> None:
        if self.folder is None:
            return
        if event in EVENTS:
            self.seen.append(f'{event} {args!r}'[:200])
        elif event == 'open' and isinstance(args[0], (str, bytes)):
            path, mode = os.fsdecode(args[0]), args[1]
            writes = isinstance(mode, str) and set(mode) & set('wax+')
            if 'outside.py' in path or path == '/etc/passwd' or (writes and not path.startswith(_own_folders())):
                self.seen.append(f'open {path} {mode}'[:200])


def _own_folders() -> tuple[str, ...]:
    return tempfile.gettempdir(), '/dev/null'


def limit_memory() -> None:
    """Refuse this process more than :data:`MEMORY` beyond what it has."""
    pages = int(Path('/proc/self/statm').read_text().split()[0])
    most = pages * os.sysconf('SC_PAGE_SIZE') + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


@contextmanager
def unlimited() -> Iterator[None]:
    """Let files be written that Python's own limits do not allow to read."""
    depth, digits = sys.getrecursionlimit(), sys.get_int_max_str_digits()
    sys.setrecursionlimit(20_000)
    sys.set_int_max_str_digits(0)
    yield
    sys.setrecursionlimit(depth)
    sys.set_int_max_str_digits(digits)


def run_case(name: str, good: bytes, number: int, seed: int, watch: Watch) -> tuple[str, str]:
    """Run a case in the present folder.

    Returns:
        'works', 'error' (one for people) or 'fault', and the message or what is wrong.
    """
    kind, chance = KINDS[name], random.Random(f'{name} {number} {seed}')
    path = Path.cwd() / f'{STEM}{kind.suffix}'
    path.write_bytes(good)
    way = chance.choice((*BYTES, *kind.damage))
    with unlimited():
        way(path, chance)
    before = set(Path().rglob('*'))
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    watch.folder, watch.seen = path.parent, []
    try:
        with redirect_stdout(io.StringIO()):
            kind.read(path)
        outcome, said = 'works', ''
    except UserError as error:
        said = str(error)
        outcome = 'error' if STEM in said else 'fault'
        said = said if STEM in said else f'{way.__name__}: the file is not named: {said}'
    except (Exception, TooSlow) as error:
        trace = ''.join(traceback.format_exception(error)[-3:])
        outcome, said = 'fault', f'{way.__name__}: {type(error).__name__}: {error}\n{trace}'
    finally:
        watch.folder = None
        signal.setitimer(signal.ITIMER_REAL, 0)
    left = {str(file) for file in set(Path().rglob('*')) - before} - {'copy.json'}
    if watch.seen or left:
        outcome, said = 'fault', f'{way.__name__}: caused {watch.seen}, left {sorted(left)}; {said}'
    return outcome, said


def fuzz(names: list[str], cases: int, seed: int, only: int | None = None, show: bool = False) -> dict[str, dict]:
    """Run cases of every kind; return by kind ``works``, ``error``, ``seconds`` and the ``faults``."""
    use_safe_loading()
    watch, results = Watch(), {}
    signal.signal(signal.SIGALRM, _too_slow)
    with tempfile.TemporaryDirectory() as folder, DefaultScope.overwrite_default_scope('mmfusenas'):
        root = Path(folder).resolve()
        for name in names:
            place = root / name.replace(' ', '-')
            place.mkdir()
            os.chdir(place)
            Path('outside.py').write_text("open('marker', 'w')\n")
            Path('outside.json').write_text('{"x": 1}')
            good = place / f'{STEM}{KINDS[name].suffix}'
            KINDS[name].make(good)
            KINDS[name].read(good)  # the first imports what is needed
            content = good.read_bytes()
            result: dict = dict(works=0, error=0, faults=[])
            start = time.monotonic()
            for number in range(round(cases * KINDS[name].share)) if only is None else [only]:
                print(f'{name} {number}', file=sys.stderr, flush=True)
                outcome, said = run_case(name, content, number, seed, watch)
                if outcome == 'fault':
                    result['faults'].append(f'--kind "{name}" --only {number}: {said}')
                else:
                    result[outcome] += 1
                if show and outcome == 'error':
                    print(f'{name} {number}: {said}')
            results[name] = dict(result, seconds=round(time.monotonic() - start, 1),
                                 peak_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
            os.chdir(root)
    return results


def _too_slow(*_: Any) -> None:
    raise TooSlow(f'more than {SECONDS} s')


def main() -> None:
    """Fuzz, and print the figures."""
    parser = argparse.ArgumentParser(description='Read damaged files of every kind.')
    parser.add_argument('--cases', type=int, default=150, help='of every kind, of those that take long fewer')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--kind', nargs='+', choices=KINDS, default=list(KINDS))
    parser.add_argument('--only', type=int, help='number of one case')
    parser.add_argument('--show', action='store_true', help='print the messages')
    parser.add_argument('--out', type=Path, help='JSON file for the results')
    args = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    faulthandler.enable()
    out = args.out and args.out.absolute()
    start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    limit_memory()
    results = fuzz(args.kind, args.cases, args.seed, args.only, args.show)
    for name, result in results.items():
        print(f'{name:18} works {result["works"]:4}  error {result["error"]:4}  faults {len(result["faults"]):3}  '
              f'{result["seconds"]:6.1f} s')
        for fault in result['faults']:
            print('   ', fault)
    total = {key: sum(result[key] for result in results.values()) for key in ('works', 'error', 'seconds')}
    faults = sum(len(result['faults']) for result in results.values())
    print(f'{total}, {faults} faults, peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB, '
          f'{start} MB of it before the first case')
    if out:
        out.write_text(json.dumps(results))
    sys.exit(bool(faults))


if __name__ == '__main__':
    main()
