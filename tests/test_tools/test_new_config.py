"""One command writes a config of a stock task on pairs of one's own; one trains, one infers; nothing is edited."""
import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config

from mmfusenas.apis import FusionInferencer
from mmfusenas.core.errors import InputError
from mmfusenas.datasets.homography import Homography
from mmfusenas.datasets.images import write_image
from mmfusenas.utils.checkpoint import load_checkpoint
from mmfusenas.utils.config_check import check_config
from mmfusenas.utils.stock_config import stock_schedule, stock_task
from mmfusenas.utils.weights import weights_file

pytest.importorskip('mmdet')
pytest.importorskip('mmseg')

FCOS = 'mmdet::fcos/fcos_r50-caffe_fpn_gn-head_1x_coco.py'
FASTER = 'mmdet::faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py'
DINO = 'mmdet::dino/dino-4scale_r50_8xb2-12e_coco.py'
PSPNET = 'mmseg::pspnet/pspnet_r18-d8_4xb2-80k_cityscapes-512x1024.py'
CLASSES = ('person', 'bicycle', 'car')
SIZE = 96, 64


@pytest.fixture
def pairs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Ten pairs with a box and a map each, in every form of annotations; the present folder is an empty one."""
    random, (width, height) = np.random.default_rng(0), SIZE
    root = tmp_path / 'data'
    coco = dict(images=[], annotations=[], categories=[dict(id=i, name=name) for i, name in enumerate(CLASSES, 1)])
    for place in range(10):
        stem, label = f'{100 * place:05d}D', place % 3
        write_image(root / f'vi/{stem}.png', random.integers(0, 256, (height, width, 3), np.uint8))
        write_image(root / f'ir/{stem}.png', random.integers(0, 256, (height, width), np.uint8))
        write_image(root / f'maps/{stem}.png', random.integers(0, 3, (height, width), np.uint8))
        for folder in ('labels', 'Annotations', 'annotations'):
            (root / folder).mkdir(exist_ok=True)
        (root / f'labels/{stem}.txt').write_text(f'{label} 0.5 0.5 0.5 0.5\n')
        (root / f'Annotations/{stem}.xml').write_text(
            f'<annotation><size><width>{width}</width><height>{height}</height></size><object>'
            f'<name>{CLASSES[label]}</name><bndbox><xmin>24</xmin><ymin>16</ymin><xmax>72</xmax><ymax>48</ymax></bndbox>'
            '</object></annotation>')
        coco['images'].append(dict(id=place, file_name=f'{stem}.png', width=width, height=height))
        coco['annotations'].append(dict(id=place, image_id=place, category_id=label + 1, bbox=[24, 16, 48, 32]))
    (root / 'annotations/all.json').write_text(json.dumps(coco))
    (tmp_path / 'work').mkdir()
    monkeypatch.chdir(tmp_path / 'work')
    return root


@pytest.fixture
def new_config(pairs: Path, run_tool: Callable) -> Callable[..., str]:
    """Run the tool on the pairs, for ``mine.py``; return how it ends."""
    def run(task: str, *more: str, labels: str = 'yolo') -> str:
        return run_tool('new_config', '--task', task, '--visible', pairs / 'vi', '--infrared', pairs / 'ir', '--labels',
                        labels, '--classes', *CLASSES, '--out', 'mine.py', *more)
    return run


@pytest.fixture
def train(run_tool: Callable) -> Callable[..., Path]:
    """Train ``mine.py`` in this process; return its last checkpoint."""
    def run(*options: str) -> Path:
        plain = [f'{part}_dataloader.{option}' for part in ('train', 'val') for option in (
            'num_workers=0', 'persistent_workers=False')]
        assert run_tool('train', 'mine.py', '--cfg-options', *plain, *options) == ''
        return Path((Path('work_dirs/mine/last_checkpoint')).read_text().strip().split('/')[-1])
    return run


@pytest.mark.parametrize('task', [
    'mmdet::yolox/yolox_s_8xb8-300e_coco.py',
    *(pytest.param(task, marks=pytest.mark.slow) for task in (
        FCOS, FASTER, 'mmdet::rtmdet/rtmdet_tiny_8xb32-300e_coco.py', DINO,
        'mmdet::deformable_detr/deformable-detr_r50_16xb2-50e_coco.py', PSPNET,
        'mmseg::segformer/segformer_mit-b0_8xb2-160k_ade20k-512x512.py',
        'mmseg::deeplabv3plus/deeplabv3plus_r18-d8_4xb2-80k_cityscapes-512x1024.py'))])
def test_what_is_written_trains_and_predicts(task: str, pairs: Path, new_config: Callable, train: Callable) -> None:
    segments = task.startswith('mmseg')
    length = '2' if segments else '1'  # iterations, or epochs of two
    assert new_config(task, '--weights', 'none', '--length', length, '--batch-size', '4',
                      labels='maps' if segments else 'yolo') == ''
    text = Path('mine.py').read_text()
    assert len(text.splitlines()) <= 45 and text.startswith('# ')
    # After two iterations no score is above a stock threshold.
    threshold = 'rcnn.score_thr' if task == FASTER else 'score_thr'
    options = [] if segments or 'detr' in task or task == DINO else [f'model.task.test_cfg.{threshold}=0.0']
    checkpoint = Path('work_dirs/mine') / train(*options)
    assert checkpoint.name == ('iter_2.pth' if segments else 'epoch_1.pth')
    infer = FusionInferencer(checkpoint, score_thr=0.0)
    out = infer(pairs / 'vi/00000D.png', pairs / 'ir/00000D.png')
    assert out['image'].shape == (SIZE[1], SIZE[0], 3) and infer.dataset_meta['classes'] == CLASSES
    if segments:
        assert out['mask'].shape == (SIZE[1], SIZE[0]) and out['mask'].max() < 3
    else:
        # Those of RTMDet may all be inside out yet.
        assert (len(out['boxes']) or 'rtmdet' in task) and set(out['labels']) <= {0, 1, 2}


@pytest.mark.parametrize(('name', 'labels', 'part'), [
    ('tim-retinanet-msrs', 'yolo', 'retina_reg'),
    pytest.param('tim-segment-msrs', 'maps', 'backbone', marks=pytest.mark.slow)])
def test_a_trained_model_is_trained_further(
        name: str, labels: str, part: str, pairs: Path, new_config: Callable, train: Callable) -> None:
    assert new_config(name, '--length', '2', '--batch-size', '2', '--stage', 'task', '--size', '64', '64',
                      labels=labels) == ''
    text = Path('mine.py').read_text()
    assert len(text.splitlines()) <= 40 and f'trained_model({name!r}, len(classes))' in text
    small = [] if labels == 'maps' else [
        f'{part}_dataloader.dataset.pipeline.2.transforms.0.scale=(96,96)' for part in ('train', 'val', 'test')]
    checkpoint = Path('work_dirs/mine') / train('optim_wrapper.optimizer.lr=0.0', *small)
    assert checkpoint.name == 'iter_2.pth'
    weights, before = (torch.load(file, weights_only=True)['state_dict'] for file in (checkpoint, weights_file(name)))
    named = [key for key in before if key.endswith('.weight')]
    kept = [key for key in named if weights[key].shape == before[key].shape]
    assert all(torch.equal(weights[key], before[key].float()) for key in kept)
    assert any(part in key for key in kept) and any(key.startswith('scene.') for key in kept)
    # Three classes are those of the detector, and not of the segmentor's last convolutions.
    assert set(named) - set(kept) == (set() if labels == 'yolo' else {
        f'task.decode_head.{layer}.weight' for layer in ('conv_seg', 'conv_seg_coarse')})
    infer = FusionInferencer(checkpoint)
    assert infer.dataset_meta['classes'] == CLASSES
    assert infer(pairs / 'vi/00000D.png', pairs / 'ir/00000D.png')['image'].shape == (SIZE[1], SIZE[0], 3)


@pytest.mark.parametrize(('task', 'labels', 'last'), [
    ('mmdet::yolox/yolox_s_8xb8-300e_coco.py', 'yolo', 'epoch_1.pth'),
    pytest.param(PSPNET, 'maps', 'iter_4.pth', marks=pytest.mark.slow),
    pytest.param('tim-segment-msrs', 'maps', 'iter_4.pth', marks=pytest.mark.slow)])
def test_the_trial_that_is_named_is_short_and_complete(
        task: str, labels: str, last: str, new_config: Callable, run_tool: Callable, capsys) -> None:
    plain = ('--weights', 'none') if '::' in task else ()
    assert new_config(task, *plain, '--batch-size', '4', labels=labels) == ''
    *_, first, trial = capsys.readouterr().out.splitlines()
    assert first == 'or first a trial of a few pairs:' and trial.startswith('  python tools/train.py mine.py ')
    quick = [f'{part}_dataloader.{option}' for part in ('train', 'val') for option in (
        'num_workers=0', 'persistent_workers=False')]
    assert run_tool('train', *trial.split()[2:], *quick) == ''
    checkpoint = load_checkpoint(f'work_dirs/mine_trial/{last}')
    assert checkpoint['meta']['iter'] == (2 if last == 'epoch_1.pth' else 4) and not Path('work_dirs/mine').exists()
    log = next(Path('work_dirs/mine_trial').glob('*/*.log')).read_text()
    assert ('mIoU: ' if labels == 'maps' else 'coco/bbox_mAP: ') in log  # it was validated too


def test_the_trial_of_a_search_has_steps_on_its_choices(new_config: Callable, capsys) -> None:
    assert new_config(FCOS, '--weights', 'none', '--search', 'neck') == ''
    assert capsys.readouterr().out.splitlines()[-1].endswith(' default_hooks.search.interval=1')


@pytest.mark.slow
def test_a_searched_neck(pairs: Path, new_config: Callable, train: Callable) -> None:
    assert new_config(FCOS, '--weights', 'none', '--length', '1', '--batch-size', '2', '--search', 'neck') == ''
    loader = 'default_hooks.search.dataloader'
    train('model.task.neck.channels=8', 'default_hooks.search.interval=1', f'{loader}.num_workers=0',
          f'{loader}.persistent_workers=False')
    found = json.loads(Path('work_dirs/mine/genotype.json').read_text())
    assert found['choices'] and all(name.startswith('task.neck.') for name in found['choices'])
    retrain = Config.fromfile('work_dirs/mine/retrain.py')
    assert retrain.model.task.neck.genotype and retrain.train_dataloader.dataset.get('every_nth') is None
    assert 'search' not in retrain.default_hooks


@pytest.mark.parametrize('labels', ['coco', pytest.param('voc', marks=pytest.mark.slow)])
def test_every_form_of_boxes_is_read(labels: str, pairs: Path, new_config: Callable, capsys) -> None:
    more = ['--val-annotations', str(pairs / 'annotations/all.json')] if labels == 'coco' else []
    assert new_config(FASTER, '--weights', 'none', *more, labels=labels) == ''
    pairs_trained = 10 if labels == 'coco' else 8
    out = capsys.readouterr().out
    assert f'train: {pairs_trained} pairs; boxes: person' in out and 'python tools/train.py mine.py' in out
    check_config(Config.fromfile('mine.py'))


def test_classes_that_take_over_the_scores_of_others_are_said(pairs: Path, run_tool: Callable, capsys) -> None:
    base = ('new_config', '--task', 'tim-retinanet-msrs', '--visible', pairs / 'vi', '--infrared', pairs / 'ir',
            '--labels', 'yolo', '--out', 'mine.py', '--classes')
    assert run_tool(*base, 'dog', 'cat', 'bird') == ''
    assert 'scores person, bicycle, car, in this order; dog, cat, bird begin with' in capsys.readouterr().out
    for classes in (CLASSES, (*CLASSES, 'bus')):
        assert run_tool(*base, *classes) == ''
        assert 'note' not in capsys.readouterr().out


def test_validation_images_of_their_own(pairs: Path, new_config: Callable, capsys) -> None:
    own = [word for role, folder in dict(visible='vi', infrared='ir', annotations='labels').items()
           for word in (f'--val-{role}', str(pairs / folder))]
    assert new_config(FCOS, '--weights', 'none', *own) == ''
    assert 'train: 10 pairs' in (out := capsys.readouterr().out) and 'val: 10 pairs' in out


@pytest.mark.parametrize(('task', 'more', 'message'), [
    ('mmdet::fcos/fcos_r50-caffe_fpn_gn-head_1x.py', (), 'mmdet has no config .*the nearest is'),
    (PSPNET, (), 'is a segmentor, and --labels yolo are of a detector'),
    ('mmdet::mask_rcnn/mask-rcnn_r50_fpn_1x_coco.py', (), 'predicts masks of objects'),
    (DINO, ('--search', 'neck'), 'takes the place of an FPN.*neck ChannelMapper'),
    (FCOS, ('--annotations', 'nowhere'), 'nowhere'),
    (FCOS, ('--val-visible', 'nowhere'), 'belong together'),
    (FCOS, ('--weights', 'no.pth'), 'Weights no.pth'),
    ('tim-light', (), 'tim-light has no task'),
    ('tim-retinanet-msrs', ('--search', 'neck'), 'is trained: it has its weights and its neck'),
    ('tim-segment-msrs', (), 'is a segmentor, and --labels yolo are of a detector'),
    ('no.pth', (), 'no.pth'),
    (FCOS, ('--classes', 'person', 'person', 'car'), "--classes has 'person' more than once"),
    (FCOS, ('--val-annotations', 'labels'), '--val-annotations labels are of no images: give --val-visible'),
    (FCOS, ('--out', 'mine'), '--out mine: a config is a Python file; name it mine.py'),
    (FCOS, ('--homography', 'cameras.json'), 'The homography cameras.json cannot be read .*estimate_homography.py'),
    (FCOS, ('--black-hot', ), '--black-hot needs --thermal-range or --thermal-percentiles'),
    (FCOS, ('--thermal-range', '9', '3'), 'low < high'),
])  # fmt: skip
def test_what_cannot_be_written_is_said(task: str, more: tuple, message: str, new_config: Callable) -> None:
    ended = new_config(task, *more)
    assert ended.startswith('error: ') and re.search(message, ended, re.S), ended
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize('words', [('--batch-size', '0'), ('--length', '0'), ('--size', '0', '-5')])
def test_counts_are_at_least_one(words: tuple, new_config: Callable, capsys) -> None:
    assert new_config(FCOS, *words) == '2' and not Path('mine.py').exists()
    assert f"{words[0]}: got '0': give a whole number of at least 1" in capsys.readouterr().err


def test_a_config_with_a_searched_neck_is_written(new_config: Callable, capsys) -> None:
    assert new_config(FCOS, '--weights', 'none') == '' and 'search' not in capsys.readouterr().out
    assert new_config(FCOS, '--weights', 'none', '--search', 'neck') == ''
    out = capsys.readouterr().out
    assert 'train: 4 pairs' in out and 'search: 4 pairs' in out and 'val: 2 pairs' in out
    assert 'train and search are halves: the weights of the search learn from the one, its choices from the' in out
    hooks = Config.fromfile('mine.py').default_hooks
    assert hooks.export.retrain == {'train_dataloader.dataset.every_nth': None} and 'dataloader' in hooks.search
    assert hooks.search.interval == 1  # of 24 iterations none is too many
    assert new_config(FCOS, '--weights', 'none', '--search', 'neck', '--length', '400', '--batch-size', '2') == ''
    assert Config.fromfile('mine.py').default_hooks.search.interval == 2 * 400 // 100


def test_a_task_of_a_file_stays_and_is_found_from_everywhere(new_config: Callable, monkeypatch) -> None:
    text = f"_base_ = '{FCOS}'\n"
    Path('stock.py').write_text(text)
    assert 'would take the place of' in new_config('stock.py', '--out', 'stock.py')
    assert Path('stock.py').read_text() == text
    assert new_config('stock.py', '--weights', 'none') == ''
    file = Path('mine.py').absolute()
    Path('elsewhere').mkdir()
    monkeypatch.chdir('elsewhere')
    assert Config.fromfile(file).model.task.type == 'FCOS'


def test_an_error_of_the_config_names_the_file_that_was_asked_for(
        new_config: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(cfg: Config) -> None:
        raise InputError(f'{cfg.filename} is wrong.')

    monkeypatch.setattr('mmfusenas.utils.config_check.check_config', refuse)
    assert re.fullmatch(r'error: (.*/)?mine\.py is wrong\.', new_config(FCOS, '--weights', 'none'))
    assert list(Path().iterdir()) == []


def test_maps_of_more_classes_are_refused(pairs: Path, new_config: Callable) -> None:
    ended = new_config(PSPNET, '--weights', 'none', '--classes', 'road', 'car', labels='maps')
    assert re.search(r'number of no class .*/maps/.*\.png: \[2\], and there are 2 classes', ended, re.S)
    assert ended.splitlines()[-1] == '8 of 8 maps were read.' and not Path('mine.py').exists()
    assert '--resize infrared scales no maps' in new_config(PSPNET, '--resize', 'infrared', labels='maps')


def test_pairs_of_two_sizes(pairs: Path, new_config: Callable, train: Callable) -> None:
    for file in (pairs / 'ir').iterdir():
        write_image(file, np.random.default_rng(0).integers(0, 256, (SIZE[1] // 2, SIZE[0] // 2), np.uint8))
    ended = new_config('tim-retinanet-msrs')
    assert re.search(r'10 of 10 pairs differ in size: .*/vi/00000D.png is 96 x 64, .*/ir/00000D.png is 48 x 32\. Give '
                     '--resize visible .*--homography FILE.json', ended)
    Homography(np.diag([1.0, 1, 1])).save('cameras.json')
    for words, key, value in ((('--homography', 'cameras.json'), 'homography', np.eye(3).tolist()),
                              (('--resize', 'infrared'), 'resize', 'infrared'),
                              (('--resize', 'visible'), 'resize', 'visible')):
        assert new_config('tim-retinanet-msrs', '--length', '1', '--batch-size', '2', '--stage', 'task', *words) == ''
        cfg = Config.fromfile('mine.py')
        for part in ('train', 'val', 'test'):
            steps = cfg[f'{part}_dataloader'].dataset.pipeline
            assert [step.type for step in steps[:2]] == ['LoadPairFromFile', 'mmdet.LoadAnnotations']
            assert steps[0] == {'type': 'LoadPairFromFile', key: value}
        assert cfg.size == ((32, 32) if 'infrared' in words else (96, 64))
    train('train_dataloader.dataset.pipeline.2.transforms.0.scale=(96,96)', 'val_cfg=None', 'val_dataloader=None',
          'val_evaluator=None')


@pytest.mark.parametrize(('task', 'labels'), [('tim-retinanet-msrs', 'yolo'), (FCOS, 'yolo'), (PSPNET, 'maps')])
def test_raw_counts_become_images(task: str, labels: str, pairs: Path, new_config: Callable) -> None:
    for file in (pairs / 'ir').iterdir():
        counts = np.random.default_rng(0).integers(7000, 8000, SIZE[::-1]).astype(np.uint16)
        write_image(file, counts)
    plain = ('--weights', 'none') if '::' in task else ()
    ended = new_config(task, *plain, labels=labels)
    assert re.search(r'ir/.*png holds uint16 from 7000 to 7999, .*--thermal-range LOW HIGH.*--thermal-percentiles 1 99',
                     ended)
    assert new_config(task, *plain, '--thermal-range', '7000', '8000', '--black-hot', labels=labels) == ''
    loading = dict(type='LoadPairFromFile', thermal=dict(limits=[7000.0, 8000.0], black_hot=True))
    cfg = Config.fromfile('mine.py')
    assert all(cfg[f'{part}_dataloader'].dataset.pipeline[0] == loading for part in ('train', 'val', 'test'))
    for file in (pairs / 'ir').iterdir():  # images of 16 bit need no range
        write_image(file, np.random.default_rng(0).integers(0, 60000, SIZE[::-1]).astype(np.uint16))
    assert new_config(task, *plain, labels=labels) == ''


def test_the_optimizer_and_schedule_are_the_task_s() -> None:
    train_cfg, wrapper, (scheduler, ), hooks = stock_schedule(DINO, batch_size=4, length=24)
    assert train_cfg == dict(type='ResumableEpochTrainLoop', max_epochs=24, val_interval=1) and hooks == []
    assert wrapper['optimizer'] == dict(type='AdamW', lr=2.5e-5, weight_decay=1e-4)  # 1e-4 is for 16 images
    assert wrapper['clip_grad'] == dict(max_norm=0.1, norm_type=2)
    assert wrapper['paramwise_cfg']['custom_keys'] == dict(backbone=dict(lr_mult=0.1), scene=dict(lr_mult=1.0))
    assert scheduler['milestones'] == [22] and scheduler['end'] == 24
    train_cfg, wrapper, schedulers, hooks = stock_schedule(
        'mmdet::rtmdet/rtmdet_tiny_8xb32-300e_coco.py', batch_size=16, length=30, warmup=50)
    assert wrapper['optimizer']['lr'] == pytest.approx(0.004 / 16)
    assert wrapper['paramwise_cfg']['custom_keys']['scene']['lr_mult'] == 1.0
    warmup, cosine = schedulers
    assert warmup['end'] == 50 and (cosine['begin'], cosine['end'], cosine['T_max']) == (15, 30, 15)
    assert cosine['eta_min'] == pytest.approx(0.004 * 0.05 / 16)
    assert [(hook['type'], hook['ema_type']) for hook in hooks] == [('EMAHook', 'mmdet.ExpMomentumEMA')]
    train_cfg, wrapper, (poly, ), _ = stock_schedule(PSPNET, batch_size=8, length=800)
    assert train_cfg == dict(type='ResumableIterTrainLoop', max_iters=800, val_interval=80)
    assert poly['end'] == 800 and wrapper['optimizer']['lr'] == 0.01


@pytest.mark.parametrize(('task', 'optimizer', 'others', 'length'), [
    ('mmdet::detr/detr_r50_8xb2-150e_coco.py', dict(type='AdamW', lr=1e-4, weight_decay=1e-4), {'backbone': 0.1}, 150),
    ('mmseg::swin/swin-tiny-patch4-window7-in1k-pre_upernet_8xb2-160k_ade20k-512x512.py',
     dict(type='AdamW', lr=6e-5, betas=(0.9, 0.999), weight_decay=0.01), {}, 160_000)])
def test_no_other_optimizer_is_put_in_the_place_of_the_task_s(
        task: str, optimizer: dict, others: dict, length: int) -> None:
    _, wrapper, schedulers, _ = stock_schedule(task, batch_size=16, length=length)
    assert wrapper['optimizer'] == optimizer
    keys = wrapper['paramwise_cfg']['custom_keys']
    assert {name: value['lr_mult'] for name, value in keys.items() if 'lr_mult' in value} == dict(others, scene=1.0)
    if 'swin' in task:
        assert keys['norm']['decay_mult'] == keys['absolute_pos_embed']['decay_mult'] == 0.0
    assert schedulers[-1]['end'] == length


def test_a_weight_that_a_stock_config_names_twice_is_optimised_once() -> None:
    _, wrapper, _, _ = stock_schedule(FCOS, batch_size=16, length=12)
    assert wrapper['paramwise_cfg']['bypass_duplicate'] is True  # which the stock config lacks


def test_a_task_fits_its_data() -> None:
    dino = stock_task(DINO, 3, (96, 64))
    assert dino['bbox_head']['num_classes'] == 3 and dino['num_queries'] == 96 + 24 + 6 + 2
    assert dino['test_cfg']['max_per_img'] == 128
    assert dino['backbone']['init_cfg']['checkpoint'] == 'torchvision://resnet50'
    faster = stock_task(FASTER, 3, (96, 64), 'coco.pth')
    assert faster['roi_head']['bbox_head']['num_classes'] == 3 and faster['backbone']['frozen_stages'] == 1
    assert faster['init_cfg'] == dict(type='Pretrained', checkpoint='coco.pth')
    assert faster['backbone']['init_cfg'] is None
    scratch = stock_task(FASTER, 3, (96, 64), None)['backbone']
    assert (scratch['frozen_stages'], scratch['norm_eval'], scratch['norm_cfg']['requires_grad']) == (-1, False, True)
    pspnet = stock_task(PSPNET, 3, (96, 64), None)
    assert pspnet['data_preprocessor']['size'] == (64, 96) and pspnet['pretrained'] is None
    assert pspnet['decode_head']['num_classes'] == pspnet['auxiliary_head']['num_classes'] == 3
    assert pspnet['backbone']['norm_cfg']['type'] == 'BN'


def test_weights_in_the_folder_of_downloads_are_found(
        new_config: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    folder = tmp_path / 'torch/checkpoints'
    monkeypatch.setattr(torch.hub, 'get_dir', lambda: str(folder.parent))
    whole, backbone = 'faster_rcnn_r50_fpn_1x_coco_20200130-047c8118.pth', 'resnet50-0676ba61.pth'
    assert new_config(FASTER) == ''
    first, second = [line for line in capsys.readouterr().out.splitlines() if line.startswith('note: ')]
    assert f'put {whole} into {folder} and write the config again; they are at https://' in first
    assert re.fullmatch(rf'note: {backbone}, .* is not in {folder}. It is fetched from https://.*/{backbone}; .*'
                        '--weights none', second)
    folder.mkdir(parents=True)
    (folder / backbone).touch()
    assert new_config(FASTER) == '' and capsys.readouterr().out.count('note: ') == 1
    assert Config.fromfile('mine.py').model.task.backbone.init_cfg.checkpoint == 'torchvision://resnet50'
    (folder / whole).touch()
    assert new_config(FASTER) == '' and 'note: ' not in capsys.readouterr().out
    assert Config.fromfile('mine.py').model.task.init_cfg.checkpoint == str(folder / whole)
    (folder / whole).unlink()
    assert new_config(FASTER, '--weights', 'none') == '' and 'note: ' not in capsys.readouterr().out
