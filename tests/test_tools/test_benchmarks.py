"""Every benchmark starts, says what it does, and names configs that are there; tables come out of what runs give."""
import importlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config, ConfigDict
from scipy.ndimage import convolve

from mmfusenas.core.errors import UserError
from mmfusenas.datasets.images import write_image
from mmfusenas.models.classifiers import QualityClassifier
from mmfusenas.models.restorers import GuidedSR
from mmfusenas.nas import Genotype
from mmfusenas.registry import MODELS
from mmfusenas.scenes import SyntheticScenes
from mmfusenas.structures import FusionDataSample
from mmfusenas.utils.checkpoint import save_checkpoint

BENCHMARKS = Path(__file__).parent.parent.parent / 'benchmarks'
MODULES = ('pooled.py', 'rows.py', 'runs.py', 'timing.py')
SCRIPTS = sorted(path for path in BENCHMARKS.glob('*.py') if path.name not in MODULES)


@pytest.mark.parametrize('path', SCRIPTS, ids=lambda path: path.stem)
def test_help(path, monkeypatch, capsys):
    monkeypatch.setattr(sys, 'argv', [str(path), '--help'])
    with pytest.raises(SystemExit) as ended:
        importlib.import_module(path.stem).main()
    assert ended.value.code == 0 and path.name in capsys.readouterr().out
    for config in re.findall(r'configs/\w+/\w[\w.-]*\.py', path.read_text()):
        assert (BENCHMARKS.parent / config).is_file(), config


def test_shifts_of_pairs_are_counted(tmp_path, monkeypatch, capsys):
    scenes = SyntheticScenes(length=3, size=(240, 320), seed=2)
    for index in range(3):
        info = scenes.get_data_info(index)
        for folder, image in (('vi', info['img']), ('ir', info['infrared'])):
            (tmp_path / 'drawn' / folder).mkdir(parents=True, exist_ok=True)
            write_image(str(tmp_path / 'drawn' / folder / f'{index}.png'), image)
    monkeypatch.setattr(sys, 'argv', ['pair_offset.py', str(tmp_path / 'drawn'), '--shares', '0', '0.1'])
    importlib.import_module('pair_offset').main()
    rows = [[cell.strip() for cell in line.split('|')[1:-1]] for line in capsys.readouterr().out.splitlines()
            if '/drawn' in line]
    assert [row[1:3] for row in rows] == [['0', '3'], ['0.1', '3'], ['other places', '3']]
    assert all(int(row[3]) >= 2 and row[4] == '0' and float(row[7]) < 6 for row in rows[:2]) and int(rows[2][3]) < 3
    monkeypatch.setattr(sys, 'argv', ['pair_offset.py', str(tmp_path / 'drawn'), '--shares', '0.3'])
    with pytest.raises(SystemExit):
        importlib.import_module('pair_offset').main()
    assert 'from 0 to below 0.2 of the width' in capsys.readouterr().err


@pytest.mark.parametrize('command', [
    'search_step.py --size 16 --repeats 1',
    'supernet_step.py --channels 8 --shape 16 16 --paths 1 --repeats 1', 'sampling.py --paths 4096 --channels 8',
    'depthwise.py --shape 1 4 16 16 --repeats 1', 'fusion_inference.py --shape 32 32 --repeats 1 --no-compile',
    'ruas_inference.py --shape 32 32 --repeats 1',
    'guided_inference.py --shapes 16x16 --repeats 1', 'mixed_precision.py configs/ruas/enhance.py --repeats 1',
    *(pytest.param(command, marks=pytest.mark.slow) for command in (
        'hypergrad_cost.py --size 12 --repeats 1 --operators rb_3',
        'path_latency.py --paths 2 --channels 8 --shape 16 16 --repeats 3',
        'checkpointing.py configs/tim/retinanet_ivif.py --shape 64 80',
        'inference_options.py --shape 32 40 --pairs 1 --tile 256',
        'endurance.py --steps 3 --rows 1 --parts inference --largest 40',
        'gpu.py --device cpu --seconds 0.1 --batch 1 --systems RUAS --modes float32'))])
def test_timings_run(command, monkeypatch, capsys):
    script, *arguments = command.split()
    monkeypatch.setattr(sys, 'argv', [script, *arguments])
    importlib.import_module(Path(script).stem).main()
    assert '+---' in capsys.readouterr().out


@pytest.mark.parametrize(('values', 'text'), [
    ([], ''), ([0.5], '0.500'), ([0.25, 0.75], '0.500 +- 0.354'), ([0.5, float('nan')], 'nan +- nan')])
def test_a_figure_is_mean_and_standard_deviation(values, text):
    from runs import figure

    assert figure(values) == text


@pytest.fixture
def rows(with_stub, monkeypatch):
    """The script of the rows, with tools that leave what real ones do."""
    monkeypatch.setenv('FOLD', '')  # which the script sets

    def tool(name, config, *arguments):
        folder = Path(arguments[arguments.index('--work-dir') + 1])
        folder.mkdir(parents=True, exist_ok=True)
        # As mmengine dumps it, with the options in it.
        (folder / Path(config).name).write_text(f"test_evaluator = dict(type='EndpointError')\n# {' '.join(arguments)}")
        if name == 'train':
            (folder / 'last_checkpoint').write_text('/elsewhere/epoch_1.pth')
            if folder.name.startswith('x-search'):
                (folder / 'retrain.py').write_text('')
        else:
            out = Path(arguments[arguments.index('--out') + 1])
            run = out.parent.parent.name if out.parent.name == 'retrain' else out.parent.name
            scores = {'coco/bbox_mAP': 0.25 + int(run[-1]) / 2, 'coco/car_precision': 0.1, 'epe': 2.0}
            out.write_text(json.dumps(
                {name: value for name, value in scores.items() if name != 'epe' or '-b' not in run}))

    return with_stub('task_rows', tool)


def test_of_a_search_what_it_found_is_trained_and_tested(rows, tmp_path, capsys):
    asked = rows('--configs', 'configs/x-{}.py', '--rows', 'search', '--seeds', 1, '--work-dir', tmp_path)
    assert [call[:2] for call in asked] == [
        ('train', 'configs/x-search.py'), ('train', f'{tmp_path}/x-search-1/retrain.py'),
        ('test', f'{tmp_path}/x-search-1/retrain/retrain.py')]
    assert 'search' in capsys.readouterr().out


def test_rows_are_means_of_the_seeds_and_are_made_once(rows, tmp_path, capsys):
    options = ('--configs', 'configs/x-{}.py', '--rows', 'a', 'b', '--seeds', 0, 1, '--work-dir', tmp_path / 'rows')
    asked = rows(*options, '--train-options', 'a.b=1')
    assert [call[0] for call in asked] == ['train'] * 4 + ['test'] * 4
    assert asked[2][1] == 'configs/x-a.py' and asked[2][-2:] == ('randomness.seed=1', 'a.b=1')
    assert asked[5][1:3] == (str(tmp_path / 'rows/x-a-1/x-a.py'), str(tmp_path / 'rows/x-a-1/epoch_1.pth'))
    printed = capsys.readouterr().out
    assert re.search(r'\| coco/bbox_mAP +\| 0\.500 \+- 0\.354 +\| 0\.500 \+- 0\.354', printed)
    assert re.search(r'\| epe +\| 2\.000 \+- 0\.000 +\| +\|', printed)  # not every row has every figure
    assert 'precision' not in printed
    assert rows(*options, '--train-options', 'a.b=1') == []
    with pytest.raises(SystemExit, match='of another run'):
        rows(*options)


def test_options_of_a_test_do_not_reach_the_next_one(rows, tmp_path):
    asked = rows('--configs', 'configs/x-{}.py', '--rows', 'a', '--seeds', 0, '--work-dir', tmp_path,
                 '--test-options', 'a.b=1')
    assert asked[1][:2] == ('test', f'{tmp_path}/x-a-0/x-a.py') and asked[1][-1] == 'a.b=1'
    assert 'a.b=1' not in (tmp_path / 'x-a-0/x-a.py').read_text()


def test_rows_are_options_of_one_config(rows, tmp_path):
    config = 'configs/tim/retinanet_ivif_demo.py'
    asked = rows(config, '--rows', 'infrared', 'ivif', '--seeds', 0, '--work-dir', tmp_path)
    assert [call[1] for call in asked[:2]] == [config] * 2
    assert 'model.scene.rule=infrared' in asked[0] and asked[1][-2:] == ('--cfg-options', 'randomness.seed=0')
    assert {path.name for path in tmp_path.iterdir()} == {
        'retinanet_ivif_demo-infrared-0', 'retinanet_ivif_demo-ivif-0'}


def test_a_row_that_a_config_does_not_have_is_named(rows, capsys):
    with pytest.raises(SystemExit):
        rows('configs/tim/retinanet_ivif.py', '--rows', 'visble')
    assert "has no row 'visble'; give --rows of visible, infrared" in capsys.readouterr().err


def test_folds_of_a_config_that_makes_none_are_refused(rows):
    with pytest.raises(SystemExit, match='retinanet_ivif_demo.py makes no folds'):
        rows('--folds', 4)


def test_records_give_the_table_again_without_the_weights(rows, tmp_path, capsys, monkeypatch):
    options = ('--configs', 'configs/x-{}.py', '--rows', 'a', '--seeds', 0, 1, '--work-dir')
    rows(*options, tmp_path / 'rows')
    table = capsys.readouterr().out
    import records
    for arguments in ([tmp_path / 'rows', '--out', tmp_path / 'kept'],
                      [tmp_path / 'kept/rows.json', '--out', tmp_path / 'again']):
        monkeypatch.setattr(sys, 'argv', ['records.py', *map(str, arguments)])
        records.main()
    capsys.readouterr()
    assert rows(*options, tmp_path / 'again/rows') == []  # without the config of the run, which is not kept
    assert capsys.readouterr().out == table


@pytest.fixture
def pooled():
    """The scores over several runs."""
    pytest.importorskip('mmdet')
    return importlib.import_module('pooled')


def test_boxes_are_scored_over_all_images_by_class_and_height(pooled):
    def box(label, x, height, score=None):
        return dict(bbox=[x, 5, 10, height], category_id=label, **({} if score is None else {'score': score}))

    images = [
        pooled.Image('1D', [box(0, 0, 40), box(1, 50, 30)], [box(0, 0, 40, 0.9), box(1, 50, 30, 0.2)]),
        pooled.Image('2N', [box(0, 0, 20)], [box(0, 60, 20, 0.5), box(1, 50, 30, 0.8)]),  # missed, and one too many
        pooled.Image('3N', [box(0, 0, 10)], [box(0, 0, 10, 0.6)]),
    ]
    found = pooled.scores(images, ('person', 'car'))
    assert found['person'] == pytest.approx(67 / 101)  # precision 1 up to a recall of two of three
    assert found['car'] == pytest.approx(0.5)  # below a wrong one of another image, as no image by itself shows
    assert found['mAP_50'] == pytest.approx((67 / 101 + 0.5) / 2) and found['mAP'] == pytest.approx(found['mAP_50'])
    assert [found[f'person, {name}'] for name in ('< 16 px', '16-32 px', '> 32 px')] == pytest.approx([1, 0, 1])
    night = pooled.scores(pooled.grouped(images, '*N'), ('person', 'car'))
    assert night['person'] == pytest.approx(51 / 101) and night['car'] != night['car']  # no car is there


def test_nothing_found_scores_nothing(pooled):
    image = pooled.Image('1D', [dict(bbox=[0, 0, 4, 40], category_id=0)], [])
    found = pooled.scores([image], ('person',))
    assert found['mAP_50'] == found['person, > 32 px'] == 0


def test_maps_are_scored_over_all_images(pooled):
    truth = [torch.tensor(rows, dtype=torch.uint8).numpy() for rows in ([[0, 0, 1, 255]], [[1, 1, 1, 0]])]
    guess = [torch.tensor(rows, dtype=torch.uint8).numpy() for rows in ([[0, 1, 1, 1]], [[1, 1, 0, 0]])]
    found = pooled.scores([pooled.Image('', *maps) for maps in zip(truth, guess)], ('road', 'car', 'bump'))
    assert found['road'] == 2 / 4 and found['car'] == 3 / 5 and found['bump'] != found['bump']
    assert found['mIoU'] == pytest.approx(0.55) and found['mAcc'] == pytest.approx((2 / 3 + 3 / 4) / 2)


def detections(pooled, hits):
    """Images with one person each, whose score is that of ``hits``; None where it is missed."""
    box = dict(bbox=[0, 0, 4, 40], category_id=0)
    return [pooled.Image(f'{number}D', [box], [] if hit is None else [dict(box, score=hit)])
            for number, hit in enumerate(hits)]


def test_a_difference_has_the_error_of_the_same_images(pooled):
    one, other = [0.9] * 15 + [None] * 5, [0.9] * 10 + [None] * 10
    found = pooled.paired({'one': [detections(pooled, one)], 'other': [detections(pooled, other)],
                           'of two seeds': [detections(pooled, one), detections(pooled, other)]}, ('person', ))
    recall = {name: np.array([hit is not None for hit in hits]) for name, hits in (('one', one), ('other', other))}
    groups = np.array_split(np.arange(20), 10)

    def precision(name, kept):  # of 101 recalls, those that are reached
        return (np.floor(recall[name][kept].mean() * 100) + 1) / 101

    gaps = np.array([precision('one', kept) - precision('other', kept)
                     for kept in (np.setdiff1d(np.arange(20), group) for group in groups)])
    gap = found['one'].minus(found['other'])
    everything = np.arange(20)
    assert gap.value == pytest.approx(precision('one', everything) - precision('other', everything))
    assert gap.error == pytest.approx((9 / 10 * ((gaps - gaps.mean()) ** 2).sum()) ** 0.5) and gap.error > 0
    assert found['of two seeds'].value == pytest.approx((found['one'].value + found['other'].value) / 2)
    table = pooled.difference_table({name: found[name] for name in ('one', 'other')})
    assert table[1][1] == table[2][2] == '' and table[1][2] == f'{100 * gap.value:+.1f} +- {100 * gap.error:.1f}'
    assert table[2][1].startswith('-')


def test_there_is_no_difference_on_other_images(pooled):
    first = detections(pooled, [0.9, 0.9])
    for runs in ([first, first[:1]], [first[::-1]]):
        with pytest.raises(UserError, match='second was tested on other images'):
            pooled.paired({'first': [first], 'second': runs}, ('person', ))


def test_there_is_no_difference_by_other_annotations(pooled, tmp_path):
    first = detections(pooled, [0.9, 0.9])
    box = first[0].truth[0]
    for truth in ([], [dict(box, category_id=1)], [dict(box, bbox=[0, 0, 4, 41])], [box, box]):
        second = [first[0], first[1]._replace(truth=truth)]
        with pytest.raises(UserError, match='second was tested by other annotations than the first row in 1 of 2 '
                                            'images, the first 1D'):
            pooled.paired({'first': [first], 'second': [second]}, ('person', 'car'))
    two = [box, dict(box, bbox=[9, 9, 4, 40])]
    rows = [[first[0], first[1]._replace(truth=truth)] for truth in (two, [dict(box, bbox=[9.001, 9, 4, 40]), box])]
    assert len(pooled.paired({'first': rows[:1], 'second': rows[1:]}, ('person', ))) == 2  # in any order, rounded
    for first_x, second_x in (([10.001, 10.004], [10.0, 10.0]), ([10.0, 10.009], [10.009, 10.0])):
        rows = [[first[0], first[1]._replace(truth=[dict(box, bbox=[x, y, 4, 40]) for x, y in zip(values, (9, 3))])]
                for values in (first_x, second_x)]
        assert len(pooled.paired({'first': rows[:1], 'second': rows[1:]}, ('person', ))) == 2
    maps = [[pooled.Image('1', np.array([[0, value]], np.uint8), np.zeros((1, 2), np.uint8))] for value in (0, 1)]
    with pytest.raises(UserError, match='other annotations'):
        pooled.paired({'first': maps[:1], 'second': maps[1:]}, ('road', 'car'))
    with pytest.raises(UserError, match='no score in common: one finds boxes, the other makes maps'):
        pooled.paired({'first': [first], 'second': maps[:1]}, ('road', 'car'))
    for folder, content in (('a', b'1'), ('b', b'1'), ('c', b'2')):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / '1.png').write_bytes(content)
    same, copied, other = ([image._replace(file=str(tmp_path / folder / '1.png')) for image in first]
                           for folder in 'abc')
    assert len(pooled.paired({'first': [same], 'second': [copied]}, ('person', ))) == 2
    with pytest.raises(UserError, match='second was tested on other images than the first row, the first 0D'):
        pooled.paired({'first': [same], 'second': [other]}, ('person', ))


def test_images_without_an_annotation_have_no_score(pooled):
    images = [image._replace(truth=[]) for image in detections(pooled, [0.9, 0.9])]
    with pytest.raises(UserError, match='There is no mAP_50: nothing of the classes person is annotated in the 2'):
        pooled.paired({'first': [images], 'second': [images]}, ('person', ))


def test_a_config_that_has_nothing_to_test_on_is_one_clear_error(pooled, monkeypatch, tmp_path):
    import paired
    monkeypatch.chdir(tmp_path)
    asked = []
    monkeypatch.setattr(paired, 'test_rule', lambda *words, **named: asked.append(words))
    evaluator, loader = "test_evaluator = dict(type='DetectionMetric')\n", 'test_dataloader = dict(dataset={})\n'
    Path('none.json').write_text('{"images": [], "annotations": [], "categories": []}')
    empty = "dict(type='mmdet.CocoDataset', ann_file='none.json', test_mode=True)"
    for text, message in (('', 'c.py has no test set'), (evaluator, 'c.py has no test set'),
                          (loader.format('dict()'), 'c.py has no test set'),
                          (evaluator + 'test_dataloader = None', 'c.py has no test set'),
                          (loader.format('dict()') + 'test_evaluator = []', 'c.py has no test set'),
                          (evaluator + loader.format(empty), 'c.py: the data set of test_dataloader is empty')):
        Path('c.py').write_text(text)
        with pytest.raises(UserError, match=message):
            paired.tested('row', 'c.py', 'a.pth', tmp_path / 'out')
    with pytest.raises(UserError, match='Config d.py does not exist'):
        paired.tested('row', 'd.py', 'a.pth', tmp_path / 'out')
    assert asked == []
    Path('c.py').write_text(evaluator + loader.format('dict()'))
    monkeypatch.setattr(pooled, 'scan', lambda config, limit: ([{}], ))
    with pytest.raises(UserError, match='has the scores of row, and not what was found: remove that folder'):
        paired.tested('row', 'c.py', 'a.pth', tmp_path / 'out')


def test_networks_of_other_classes_are_not_compared(pooled, monkeypatch):
    import paired
    monkeypatch.setattr(paired, 'tested', lambda name, *_: (detections(pooled, [0.9]), dict(
        a=('person', 'car'), b=('car', 'person'))[name]))
    monkeypatch.setattr(sys, 'argv', ['paired.py', '--row', 'a', 'c.py', 'a.pth', '--row', 'b', 'c.py', 'b.pth'])
    with pytest.raises(UserError, match='b finds car, person, and a person, car: rows need the same classes'):
        paired.main()


def test_a_test_is_not_taken_for_that_of_another_network_or_fold(pooled, monkeypatch, tmp_path):
    import runs
    calls, weights = [], tmp_path / 'a.pth'
    weights.touch()

    def tool(name, *arguments):
        calls.append(name)
        Path(arguments[arguments.index('--out') + 1]).write_text('{}')

    monkeypatch.setattr(runs, 'tool', tool)
    monkeypatch.setenv('FOLD', '0/3')
    first = ('c.py', tmp_path / 'run', ['rule=1'])
    for _ in range(2):
        assert runs.test_rule(*first, checkpoint=str(weights)) == {}
    assert calls == ['test']  # once
    for asked, given in (
            (('d.py', *first[1:]), str(weights)), (first, 'b.pth'), ((*first[:2], ['rule=2']), str(weights))):
        with pytest.raises(SystemExit, match='is of another run'):
            runs.test_rule(*asked, checkpoint=given)
    monkeypatch.setenv('FOLD', '1/3')
    with pytest.raises(SystemExit, match=r'FOLD=0/3(.|\n)*FOLD=1/3'):
        runs.test_rule(*first, checkpoint=str(weights))
    monkeypatch.setenv('FOLD', '0/3')
    os.utime(weights, (1, 1))  # written by another training
    with pytest.raises(SystemExit, match='is of another run'):
        runs.test_rule(*first, checkpoint=str(weights))
    assert calls == ['test']


def test_networks_are_compared_on_the_same_images(pooled, monkeypatch, tmp_path, capsys):
    import paired
    monkeypatch.chdir(tmp_path)
    Path('c.py').write_text("test_evaluator = dict(type='DetectionMetric')\ntest_dataloader = dict(dataset=dict())")
    hits, asked = dict(good=[0.9] * 20, bad=[0.9, None] * 10), []

    def test_rule(config, folder, rule, checkpoint):
        asked.append((config, folder, rule, checkpoint))

    monkeypatch.setattr(pooled, 'scan', lambda config, limit: ([{}], ))  # of files
    monkeypatch.setattr(paired, 'test_rule', test_rule)
    monkeypatch.setattr(paired, 'images_of', lambda cfg, place: (
        detections(pooled, hits[place.parent.name]), ('person', )))
    rows = ['--row', 'good', 'c.py', 'a.pth', '--row', 'bad', 'c.py', 'tim-retinanet-msrs']
    monkeypatch.setattr(sys, 'argv', ['paired.py', *rows, '--work-dir', 'out'])
    paired.main()
    assert asked[1] == ('c.py', Path('out/bad'), [f'test_evaluator.outfile_prefix={tmp_path}/out/bad/found'],
                        'tim-retinanet-msrs')
    printed = capsys.readouterr().out
    assert re.search(r'\| good +\| 1\.000 \+- 0\.000', printed) and re.search(r'\| good +\| +\| \+49\.5', printed)
    monkeypatch.setattr(sys, 'argv', ['paired.py', *rows[:4]])
    with pytest.raises(SystemExit):
        paired.main()
    assert 'give two rows or more' in capsys.readouterr().err
    Path('c.py').write_text("test_evaluator = dict(type='FusionMetric')\ntest_dataloader = dict(dataset=dict())")
    monkeypatch.setattr(sys, 'argv', ['paired.py', *rows])
    with pytest.raises(UserError, match='nothing can be compared image by image'):
        paired.main()


@pytest.fixture
def folds(pooled, monkeypatch, tmp_path):
    """The script of the folds, with tools that leave what real ones do; what is found says which weights found it."""
    monkeypatch.setenv('FOLD', '')
    import runs
    import task_rows
    asked, tested = [], []

    def run_of(folder):
        """Return row and fold of a run, from the name of its folder."""
        name = folder.relative_to(tmp_path).parts[0].removeprefix('retinanet_ivif-msrs-').split('-')
        return name[0], int(name[1][0]) if len(name) > 2 else 0

    def tool(name, config, *arguments):
        folder, options = Path(arguments[arguments.index('--work-dir') + 1]), arguments
        folder.mkdir(parents=True, exist_ok=True)
        asked.append((name, os.environ['FOLD'], options[options.index('--cfg-options') + 1:]))
        if name == 'train':
            row, _ = run_of(folder)
            (folder / Path(config).name).write_text(
                "test_evaluator = [dict(type='DetectionMetric')]\n"
                f"test_dataloader = dict(dataset=dict())\nwork_dir = '{folder}'")
            (folder / 'last_checkpoint').write_text('iter_1.pth')
            torch.save(dict(state_dict={'scene.x': row, 'task.x': row}), folder / 'iter_1.pth')
        else:
            out = Path(arguments[arguments.index('--out') + 1])
            _, fold = run_of(out.parent)
            out.write_text(json.dumps({
                'cddfuse/VIF': 0.5 + fold, 'people by day/darker': 0.1 + fold, 'people by day/objects': 1 + fold}))
            prefix = next(option for option in options if option.startswith('test_evaluator')).partition('=')[2]
            Path(f'{prefix}.bbox.json').write_text(json.dumps(torch.load(arguments[0])['state_dict']))
        return ''

    def images_of(cfg, found):
        weights = json.loads(Path(f'{found}.bbox.json').read_text())
        good = weights['task.x'] == 'average' or weights['scene.x'] == 'average'
        box = dict(bbox=[0, 0, 4, 40], category_id=0)
        _, fold = run_of(Path(cfg.work_dir))
        tested.append(cfg.get('a'))
        return [pooled.Image('1D', [box], [dict(box, score=0.9)] if good or fold else [])], ('person',)

    monkeypatch.setattr(runs, 'tool', tool)
    monkeypatch.setattr(pooled, 'scan', lambda config, limit: ([{}], ))  # of files
    monkeypatch.setattr(task_rows, 'images_of', images_of)

    def run(*arguments):
        monkeypatch.setattr(sys, 'argv', ['task_rows.py', 'configs/tim/retinanet_ivif-msrs.py', '--folds', '2',
                                          '--seeds', '0', '--work-dir', str(tmp_path), *map(str, arguments)])
        asked.clear()
        task_rows.main()
        return list(asked)

    run.tested = tested
    return run


def test_every_fold_is_tested_on_by_a_training_without_it(folds, capsys):
    asked = folds('--rows', 'visible', 'direct', '--train-options', 'a.b=1')
    assert [call[:2] for call in asked] == [
        ('train', '0/2'), ('train', '0/2'), ('train', '1/2'), ('train', '1/2'), *[('test', '1/2')] * 4]
    assert asked[0][2] == (
        'randomness.seed=0', 'model.scene._delete_=True', 'model.scene.type=FixedFusion', 'model.scene.rule=visible',
        'default_hooks.guidance.scene_length=0', 'default_hooks.guidance.final_stage=task', 'a.b=1')
    assert asked[1][2] == ('randomness.seed=0', 'default_hooks.guidance.final_stage=task', 'a.b=1')
    printed = capsys.readouterr().out
    # One of two images over both folds; folds by themselves have 0 and 1.
    assert re.search(r'\| mAP_50 +\| 0\.505 +\| 0\.505', printed)
    assert re.search(r'\| mAP_50, folds +\| 0\.500 \+- 0\.707', printed)
    # The mean over one image of each fold, and over one object of the first and two of the second.
    assert re.search(r'\| cddfuse/VIF +\| 1\.000', printed) and 'objects' not in printed
    assert re.search(r'\| people by day/darker +\| 0\.767', printed)
    assert re.search(r'\| visible +\| +\| \+0\.0 \+- 0\.0 +\|', printed)  # minus direct
    assert folds('--rows', 'visible', 'direct', '--train-options', 'a.b=1') == []


def test_seeds_of_the_datas_own_split(folds, capsys, monkeypatch):
    monkeypatch.setenv('FOLD', '1/3')  # which stays
    asked = folds('--folds', 1, '--seeds', 0, 3, '--rows', 'average')
    assert [(name, fold, options[0]) for name, fold, options in asked[:2]] == [
        ('train', '1/3', 'randomness.seed=0'), ('train', '1/3', 'randomness.seed=3')]
    printed = capsys.readouterr().out
    assert re.search(r'\| mAP_50 +\| 1\.000 \+- 0\.000', printed) and 'folds  ' not in printed
    assert re.search(r'\| images +\| 1 ', printed)


def test_one_task_network_for_all_rows(folds, capsys):
    asked = folds('--rows', 'direct', '--task-from', 'average')
    assert [name for name, *_ in asked] == ['train'] * 4 + ['test'] * 2
    assert re.search(r'\| mAP_50 +\| 1\.000', capsys.readouterr().out)
    folds('--rows', 'direct')
    assert re.search(r'\| mAP_50 +\| 0\.505', capsys.readouterr().out)


def test_without_what_was_found_the_metrics_of_the_tests_are_given(folds, monkeypatch, pooled, capsys):
    folds('--rows', 'direct', '--test-options', 'a.b=1')
    assert folds.tested == [dict(b=1)] * 2  # the images are those of the test as it was asked for
    for file in Path(sys.argv[sys.argv.index('--work-dir') + 1]).rglob('found*.bbox.json'):
        file.unlink()
    monkeypatch.setattr('task_rows.images_of', pooled.images_of)
    capsys.readouterr()
    assert folds('--rows', 'direct', '--test-options', 'a.b=1') == []
    printed = capsys.readouterr().out
    assert re.search(r'\| cddfuse/VIF +\| 1\.000', printed) and 'mAP_50' not in printed  # the mean of the folds


@pytest.mark.parametrize('name, option', [
    ('retinanet_ivif-msrs', 'test_evaluator.0.outfile_prefix'),
    ('efficientnet_ivif-msrs', 'test_evaluator.0.output_dir'),
    ('retinanet_ivif-multispectral', 'test_evaluator.outfile_prefix'), ('retinanet_ivif_demo', None),
    ('resnet18_ivif', None), ('registration_ivif', None)])
def test_where_a_test_writes_what_it_finds(pooled, monkeypatch, name, option):
    if option:
        monkeypatch.setattr(pooled, 'scan', lambda config, limit: ([{}], ))  # of files
    assert pooled.output_option(Config.fromfile(BENCHMARKS.parent / f'configs/tim/{name}.py')) == option


@pytest.fixture
def ruas(monkeypatch):
    """A script of RUAS's rows, with tools that leave what real ones do, and note what they were asked for."""
    import runs
    asked = []

    def tool(name, config, *arguments):
        asked.append((name, config, *arguments))
        folder = Path(arguments[arguments.index('--work-dir') + 1])
        folder.mkdir(parents=True, exist_ok=True)
        if name == 'train':
            (folder / 'last_checkpoint').write_text('/elsewhere/epoch_1.pth')
            (folder / Path(config).name).write_text("model = dict(type='Identity')")
            (folder / 'run/vis_data').mkdir(parents=True)
            (folder / 'run/vis_data/scalars.json').write_text('{"quality/PSNR": 9.0, "quality/SSIM": 0.5, "step": 1}\n')
        if name == 'test':
            Path(arguments[arguments.index('--out') + 1]).write_text('{"quality/PSNR": 15.0, "quality/SSIM": 0.5}')
        else:
            (folder / 'genotype.json').write_text('{"choices": {"scene.cell.ops.0": "c_1"}, "source": {"seed": 0}}')
        return ''

    monkeypatch.setattr(runs, 'tool', tool)

    def run(script, *arguments):
        module = importlib.import_module(script)
        monkeypatch.setattr(module, 'complexity', lambda model, size: dict(parameters=1000, macs=1e9))
        monkeypatch.setattr(module, 'seconds', lambda run, repeats: 0.1, raising=False)
        monkeypatch.setattr(module, 'SearchSpace', lambda model: SimpleNamespace(relax=list), raising=False)
        monkeypatch.setattr(module.MODELS, 'build', lambda model: torch.nn.Identity())
        monkeypatch.setattr(sys, 'argv', [script, *map(str, arguments)])
        asked.clear()
        module.main()
        return list(asked)

    return run


def test_all_rows_of_the_networks_are_scored_on_the_pairs_that_were_asked_for(ruas, tmp_path, capsys):
    config = 'configs/ruas/enhance_fivek.py'
    asked = ruas('ruas_networks', config, '--rows', 'supernet', 'c_3',
                 '--test-options', 'test_dataloader.dataset.split=mine.txt', '--work-dir', tmp_path)
    assert [call[:2] for call in asked] == [
        ('train', config), ('train', config), ('test', str(tmp_path / 'c_3-0/enhance_fivek.py'))]
    assert {'model.scene.genotype=None', 'train_cfg.val_interval=100'} < set(asked[0])
    assert asked[0][-1] == 'val_dataloader.dataset.split=mine.txt'
    assert asked[2][-1] == 'test_dataloader.dataset.split=mine.txt'
    printed = capsys.readouterr().out
    assert re.search(r'\| supernet +\| 9\.000', printed) and re.search(r'\| c_3 +\| 15\.000', printed)


def test_the_cooperative_search_stands_beside_a_random_network_and_the_weights_that_were_given(
        ruas, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv('RECIPE', '')  # so that it is as before afterwards
    monkeypatch.delenv('RECIPE')
    options = ('--rows', 'cooperative', 'random', 'published', '--seeds', 0, '--work-dir', tmp_path / 'rows')
    asked = ruas('cooperative_search', *options, '--authors', tmp_path / 'a.pth')
    places = [(name, config.removeprefix(f'{tmp_path}/rows/')) for name, config, *_ in asked]
    search = 'configs/ruas/enhance_search.py'
    assert [place for place in places if place[0] != 'test'] == [
        ('train', search), ('train', 'cooperative-0/retrain.py'),
        ('analysis_tools/sample_genotype', search), ('train', 'random-0/retrain.py'),
        ('train', 'configs/ruas/enhance_unpaired.py')]
    assert sum(name == 'test' for name, _ in places) == 4 * 3
    assert re.search(r'\| published weights +\| 15\.000', capsys.readouterr().out)
    again = ruas('cooperative_search', *options, '--authors', tmp_path / 'b.pth')
    assert {call[1] for call in again} == {str(tmp_path / 'rows/authors-b/enhance_unpaired.py')}  # others are not asked
    with pytest.raises(SystemExit, match=r'is of another run:\nRECIPE=./enhance_unpaired.py\n'):
        ruas('cooperative_search', 'configs/ruas/enhance_fivek.py', *options)


@pytest.fixture
def chain(monkeypatch):
    """A script that runs whole chains, with tools that leave what real ones do, and note what they were asked for."""
    import runs
    asked = []

    def tool(name, config, *arguments):
        asked.append((name, config, *arguments))
        folder = Path(arguments[arguments.index('--work-dir') + 1])
        folder.mkdir(parents=True, exist_ok=True)
        if name == 'test':
            Path(arguments[arguments.index('--out') + 1]).write_text('{"sr/RMSE": 2.0}')
            return ''
        (folder / 'last_checkpoint').write_text('/elsewhere/epoch_1.pth')
        if 'search' in config:
            loss = Genotype({'layers.0': 'relu1_1'}, weights=dict(weights=dict(l1=0.5, vgg=1.5)))
            Genotype({f'loss.{key}': value for key, value in loss.choices.items()}, costs=dict(parameters=5e5),
                     weights={'loss.weights': loss.weights['weights']},
                     parts=dict(loss=dict(space='RestorationLoss', space_hash=''))).save(folder / 'genotype.json')
            (folder / 'vis').mkdir()
            (folder / 'vis/vis_data').mkdir()
            (folder / 'vis/vis_data/scalars.json').write_text(
                '{"step": 1, "search_best": 0.5, "search_top": 0.7}\n{"step": 2, "search_best": 0.25, '
                '"search_top": 0.5}\n')
        return ''

    monkeypatch.setattr(runs, 'tool', tool)

    def run(script, *arguments):
        module = importlib.import_module(script)
        monkeypatch.setattr(sys, 'argv', [script, *map(str, arguments)])
        asked.clear()
        module.main()
        return [(call[0], call[1].removeprefix(f'{arguments[-1]}/'), *call[2:]) for call in asked]

    return run


def test_a_guided_chain_trains_what_was_found_and_a_random_path_of_its_size(chain, tmp_path, capsys, monkeypatch):
    options = ('--seeds', 3, '--limits', 6e5, '--supernet-options', 'a=1', '--train-options', 'b=2', '--work-dir',
               tmp_path)
    monkeypatch.setenv('RECIPE', './other.py')  # and back to what it was, after the benchmark has set it
    monkeypatch.setenv('SCALE', '4')
    asked = chain('guided_chain', 'configs/dcnas/thermal.py', *options)
    assert os.environ['RECIPE'] == './thermal.py'
    names, folder = [call[:2] for call in asked], tmp_path / 'thermal_scale4'
    assert names == [
        ('test', 'configs/dcnas/thermal.py'), ('test', 'configs/dcnas/thermal.py'),
        ('train', 'configs/dcnas/supernet.py'), ('train', 'configs/dcnas/search.py'),
        ('analysis_tools/sample_genotype', 'configs/dcnas/search.py'),
        ('train', 'thermal_scale4/search-600000-3/retrain.py'), ('train', 'thermal_scale4/random-600000-3/retrain.py'),
        ('test', 'thermal_scale4/search-600000-3/retrain/retrain.py'),
        ('test', 'thermal_scale4/random-600000-3/retrain/retrain.py')]
    assert (folder / 'supernet-3/done').read_text().splitlines()[:3] == [
        'RECIPE=./thermal.py', 'SCALE=4', 'configs/dcnas/supernet.py']
    supernet, search, drawn, trained = (asked[i] for i in (2, 3, 4, 5))
    assert 'a=1' in supernet and 'b=2' in trained and 'randomness.seed=3' in trained
    assert {f'load_from={folder}/supernet-3/epoch_1.pth', 'train_cfg.limit=600000.0'} <= set(search)
    low, high = map(float, drawn[drawn.index('--parameters') + 1:][:2])
    assert low == pytest.approx(0.97 * 5e5) and high == pytest.approx(1.03 * 5e5)
    printed = capsys.readouterr().out
    assert re.search(r'\| found below 0\.6 M +\| 0\.500 +\| 2\.000', printed) and 'guided filter' in printed


def test_meta_initialisations_of_every_k_with_and_without_the_new_task(chain, tmp_path, capsys, monkeypatch):
    import meta_init
    monkeypatch.setattr(meta_init, 'adapt', lambda start, pairs, seed, args: {
        n: (len(str(start and start.parent.name)) + n, 0.5) for n in args.steps})
    tasks = []
    monkeypatch.setenv('DATA', '')
    monkeypatch.setattr(meta_init, 'train', lambda *run, train=meta_init.train: (
        tasks.append(os.environ['DATA']), train(*run))[1])
    asked = chain('meta_init', '--seeds', 3, '--pairs', 32, '--steps', 0, 5, '--work-dir', tmp_path)
    width, seed = 'model.channels=16', 'randomness.seed=3'

    def joint(iterations):
        return ('train_cfg._delete_=True', 'train_cfg.type=ResumableIterTrainLoop', f'train_cfg.max_iters={iterations}',
                f'train_cfg.val_interval={iterations}', 'optim_wrapper.optimizer.lr=1e-3')

    def meta(k):
        return f'train_cfg.steps={k}', 'train_cfg.max_iters=100', 'optim_wrapper.optimizer.lr=1e-3'

    # A gradient for each of four steps and one for the step outside, of every one of three or four tasks.
    assert [(call[1], *call[call.index('--cfg-options') + 1:]) for call in asked] == [
        ('configs/tim/meta_init.py', width, *options, seed)
        for options in (joint(1500), *map(meta, (2, 4, 6, 8, 10)), joint(2000), meta(4))]
    assert tasks == ['medical_fusion_tasks'] * 6 + ['real_fusion_tasks'] * 2
    printed = capsys.readouterr().out
    for start in ('K = 8', 'K = 10', r'joint\+ivif', r'K = 4\+ivif'):
        folder = start.replace('K = ', '').replace('\\', '') + '-3'
        assert re.search(rf'\| {start} +\| 32 +\| {len(folder)}\.000 +\| {len(folder) + 5}\.000 +\| 0\.500', printed)
    assert (tmp_path / 'adaptation.png').is_file()
    for wrong in ('4+ivf', '0', 'non', 'none+ivif'):
        with pytest.raises(SystemExit):
            chain('meta_init', '--starts', wrong, '--work-dir', tmp_path)
        assert 'joint+ivif or K+ivif' in capsys.readouterr().err


def test_the_new_task_is_one_of_those_of_its_initialisation(monkeypatch):
    found = []
    for data in ('medical_fusion_tasks', 'real_fusion_tasks'):
        monkeypatch.setenv('DATA', data)
        found.append(Config.fromfile(BENCHMARKS.parent / 'configs/tim/meta_init.py'))
    tasks, with_ivif = (cfg.train_dataloader.dataset.datasets for cfg in found)
    assert [task.type for task in with_ivif] == ['PairDataset', *3 * ['HarvardDataset']]
    assert with_ivif[1:] == tasks and not any(task.get('every_nth') for task in with_ivif)


@pytest.fixture
def algorithm(monkeypatch, tmp_path):
    """The script of the whole algorithm, with tools that leave what real ones do; scores say which links a row has."""
    for name in ('DATA', 'RECIPE', 'FOLD'):
        monkeypatch.setenv(name, '')  # which the script sets
    import algorithm1
    import runs
    asked = []

    def tool(name, config, *arguments):
        folder, options = Path(arguments[arguments.index('--work-dir') + 1]), arguments
        folder.mkdir(parents=True, exist_ok=True)
        asked.append((name, config.removeprefix(f'{tmp_path}/'), folder.relative_to(tmp_path).as_posix(),
                      [option.replace(f'{tmp_path}/', '') for option in options[options.index('--cfg-options') + 1:]],
                      arguments, tuple(os.environ[name] for name in ('DATA', 'RECIPE', 'FOLD'))))
        if name == 'test':
            worth = dict(found=0.4, meta=0.2, guided=0.1)
            score = sum(value for link, value in worth.items() if link in arguments[0])
            Path(arguments[arguments.index('--out') + 1]).write_text(json.dumps(
                {'coco/bbox_mAP_50': score, 'coco/bbox_mAP': score / 2, 'coco/car_precision': 0.5, 'cddfuse/MI': 2.5,
                 'cddfuse/VIF': 0.75 * ('guided' in arguments[0]), 'cddfuse/Qabf': 0.5}))
            return ''
        if 'search' in config:
            genotype = Genotype.load('tim-light')
            Genotype(genotype.choices, costs=dict(parameters=4e6)).save(folder / 'genotype.json')
        (folder / 'retrain.py').write_text(
            'train_cfg = dict(max_iters=80, steps=4)\ntrain_dataloader = dict(dataset=dict(datasets=[1, 2, 3]))\n'
            'default_hooks = dict(guidance=dict(scene_length=5, task_length=35))\n'
            "test_dataloader = dict(dataset=dict(type='SyntheticScenes', length=5))")
        (folder / 'last_checkpoint').write_text('/elsewhere/iter_1.pth')
        return ''

    monkeypatch.setattr(runs, 'tool', tool)

    def run(*arguments):
        monkeypatch.setattr(sys, 'argv', ['algorithm1.py', '--work-dir', str(tmp_path), *map(str, arguments)])
        asked.clear()
        algorithm1.main()
        return list(asked)

    return run


def test_the_links_of_algorithm_1_are_made_once_and_stand_on_each_other(algorithm, capsys):
    options = ('--data', 'msrs', '--fold', '1/3', '--seeds', 2, '--init-options', 'train_cfg.steps=4', 'i=1',
               '--search-options', 's=1', '--neck-options', 'n=1', '--train-options', 't=1')
    asked = algorithm(*options)
    made = {folder: (name, config, given) for name, config, folder, given, *_ in asked if name != 'test'}
    assert len(asked) == len(made) + 9 == 26  # eight rows and one rule are tested
    assert {call[-1] for call in asked} == {('real_fusion_tasks', './algorithm1.py', '1/3')}
    seed, unseen = 'randomness.seed=2', 'train_cfg.val_begin=1000000'
    for kind, searched in (('found', True), ('random', False)):
        fusion, neck = f'msrs/seed-2/fusion-{kind}', f'msrs/seed-2/detector-1of3-{kind}'
        scene = [f'model.scene.genotype={fusion}/genotype.json',
                 f'model.scene.init_cfg.checkpoint={fusion}/meta/iter_1.pth']
        tool, drawn = ('train', [seed, unseen]) if searched else ('analysis_tools/sample_genotype', [])
        width = [] if searched else ['model.channels=48']
        assert made[fusion] == (tool, 'configs/tim/algorithm1_search.py', [*drawn, 's=1', *width])
        assert made[neck] == (tool, 'configs/tim/algorithm1_neck_search.py', [*drawn, *scene, 'n=1'])
        assert made[f'{fusion}/meta'] == ('train', f'{fusion}/retrain.py', [seed, 'train_cfg.steps=4', 'i=1', unseen])
        # Of 80 iterations a gradient for each of the 4 steps and one more, of every one of 3 tasks.
        assert made[f'{fusion}/joint'] == ('train', f'{fusion}/retrain.py', [
            seed, 'i=1', 'train_cfg._delete_=True', 'train_cfg.type=ResumableIterTrainLoop', 'train_cfg.max_iters=1200',
            'train_cfg.val_interval=1200', 'optim_wrapper.optimizer.lr=1e-3', unseen])
        for start in ('meta', 'joint'):
            for guidance, stage in (('guided', []), ('frozen', ['default_hooks.guidance.final_stage=task'])):
                assert made[f'{neck}/{start}-{guidance}'] == ('train', f'{neck}/retrain.py', [
                    f'model.scene.init_cfg.checkpoint={fusion}/{start}/iter_1.pth', *stage, seed, unseen, 't=1'])
    rule = made['msrs/seed-2/detector-1of3-found/average'][-1]
    assert 'model.scene.rule=average' in rule and rule[-3:] == [seed, unseen, 't=1']
    draws = [arguments for name, *_, arguments, _ in asked if name == 'analysis_tools/sample_genotype']
    assert [tuple(map(float, draw[draw.index('--parameters') + 1:][:2])) for draw in draws] == [
        pytest.approx((0.99 * size, 1.01 * size)) for size in (127358, 4e6)]
    printed = capsys.readouterr().out
    assert 'algorithm 1 on msrs, fold 1/3, 5 images, seeds [2]' in printed
    assert re.search(r'\| yes +\| yes +\| no +\| 127\.358 +\| 4\.000 +\| 0\.600 +\| 0\.300 +\| 2\.500', printed)
    assert re.search(r'\| no +\| yes +\| yes +\| 127\.358 +\| 4\.000 +\| 0\.300 +\| 0\.150', printed)
    assert re.search(r'\| no +\| no +\| no +\| 127\.358 +\| 4\.000 +\| 0\.000 +\| 0\.000', printed)
    assert re.search(r'\| average +(\| +){4}\| 0\.400 +\| 0\.200', printed)
    assert algorithm(*options) == []


def test_a_link_that_does_nothing_is_seen_in_the_differences(algorithm, capsys, monkeypatch):
    import algorithm1
    algorithm('--seeds', 0, 1, '--rules', 'average', 'infrared')
    printed = capsys.readouterr().out
    assert 'algorithm 1 on scenes, 5 images, seeds [0, 1]' in printed
    assert re.search(r'\| search +\| 8 of 8 \| 0\.400 \+- 0\.000 \| 0\.200', printed)
    assert re.search(r'\| guidance +\| 8 of 8 \| 0\.100 \+- 0\.000 .* \| 0\.750 \+- 0\.000 \| 0\.000 \+-', printed)
    # Worth something in one half of the rows only, and its opposite in the other.
    rows = {((meta, guided, searched), seed): dict.fromkeys(algorithm1.SCORES, 0.1 * meta * (1 if guided else -1))
            for meta in (True, False) for guided in (True, False) for searched in (True, False) for seed in (0, 1)}
    lines = algorithm1.table_of_links(rows).splitlines()
    assert re.search(r'\| search +\| 4 of 8 \| 0\.000 \+- 0\.107', lines[3])
    assert re.search(r'\| guidance +\| 0 of 8 \| 0\.000 \+- 0\.000', lines[5])


def test_all_rows_have_the_iterations_asked_for(algorithm):
    asked = algorithm('--iterations', 16)
    assert {call[-1] for call in asked} == {('synthetic_fusion_tasks', './algorithm1_demo.py', '0/4')}
    rows = [given for name, config, folder, given, *_ in asked if name == 'train' and 'detector-' in config]
    assert len(rows) == 9
    stages = [f'default_hooks.guidance.{name}={length}' for name, length in dict(scene_length=1, task_length=7).items()]
    for given in rows:
        fixed = any('rule' in option for option in given)
        assert given[given.index('train_cfg.max_iters=16'):] == ['train_cfg.max_iters=16', *([] if fixed else stages)]


@pytest.mark.slow
def test_a_row_of_algorithm_1_and_its_control_train_on_the_built_in_scenes(monkeypatch, tmp_path, root, run_tool):
    pytest.importorskip('mmdet')
    import algorithm1
    import runs

    def tool(name, *arguments):
        ended = run_tool(name, *arguments)  # in this process, where everything is imported already
        assert not ended, ended

    monkeypatch.chdir(root)
    monkeypatch.setattr(runs, 'tool', tool)
    for name, value in dict(DATA='synthetic_fusion_tasks', RECIPE='./algorithm1_demo.py').items():
        monkeypatch.setenv(name, value)
    alone, tasks = ['batch_size=1', 'num_workers=0', 'persistent_workers=False'], range(4)
    loader = [f'train_dataloader.{what}' for what in alone]
    monkeypatch.setattr(sys, 'argv', [
        'algorithm1.py', '--work-dir', str(tmp_path), '--iterations', '3', '--search-options', *loader,
        'train_cfg.max_epochs=4', 'default_hooks.search.phases.cells.end=1', 'default_hooks.search.interval=1',
        *(f'train_dataloader.dataset.datasets.{i}.length=1' for i in tasks),
        *(f'default_hooks.search.dataloader.{i}.{what}' for i in tasks
          for what in ('dataset.length=1', *alone)),
        '--init-options', *loader, 'train_cfg.max_iters=1', 'train_cfg.steps=1',
        '--neck-options', *loader, 'train_cfg.max_iters=2', 'default_hooks.guidance.scene_length=0',
        'default_hooks.search.begin=1', 'default_hooks.search.interval=1',
        *(f'default_hooks.search.dataloader.{what}' for what in alone),
        '--train-options', *loader, 'train_dataloader.dataset.size=(64,96)',
        '--test-options', 'test_dataloader.dataset.length=2', 'test_dataloader.dataset.size=(64,96)',
        'test_dataloader.num_workers=0', 'test_dataloader.persistent_workers=False'])
    args = algorithm1.parse_args()
    frozen, rule = (algorithm1.measure(row, 0, args) for row in ((True, False, False), 'average'))
    assert frozen['N_F (k)'] > 20 and frozen['N_F and N_T (M)'] > 1
    assert frozen['VIF'] > 0 and rule['VIF'] > 0 and frozen['MI'] != rule['MI']
    assert algorithm1.test_images(algorithm1.trained('average', 0, args), args) == 2
    start, end = (torch.load(next(tmp_path.rglob(place)), weights_only=True)['state_dict'] for place in (
        'fusion-found/joint/*.pth', 'detector-found/joint-frozen/*.pth'))
    assert all(torch.equal(value, end[f'scene.{name}']) for name, value in start.items())


def test_searches_of_a_supernet_are_compared_by_strategy(chain, tmp_path, capsys, monkeypatch):
    import one_shot
    monkeypatch.setattr(one_shot, 'rankings', lambda checkpoint, args: dict(rank=[0.5, 0.25], l1=[0.25, 0.0]))
    asked = chain('one_shot', '--losses', 'rank', 'none', '--seeds', 0, 1, '--work-dir', tmp_path)
    config = 'configs/dcnas/supernet.py'
    supernets = [call for call in asked if call[1] == config]
    assert [next(part for part in call if '.loss=' in part) for call in supernets] == 2 * [
        'default_hooks.sampling.loss=rank', 'default_hooks.sampling.loss=None']
    searches = [call for call in asked if call[1] == 'configs/dcnas/search.py']
    assert [part for call in searches for part in call if 'strategy=' in part] == 2 * [
        f'train_cfg.strategy={strategy}' for strategy in ('guided', 'plain', 'random', 'plain')]
    printed = capsys.readouterr().out
    assert re.search(r'\| l1 +\| 0\.250 \+- 0\.000', printed)
    assert re.search(r'\| none +\| plain +\| 0\.25000', printed)  # of the last round
    assert (tmp_path / 'curves.png').is_file()
    axes, = one_shot.plot(dict(plain=[[2.0, 1.0], [8.0, 6.0]], guided=[[1.5, 1.0], [8.0, 2.0]]), 'rmse').axes
    drawn = {line.get_label(): line.get_ydata().tolist() for line in axes.lines}
    assert drawn == dict(plain=[1.0, 0.625], guided=[0.875, 0.375])  # seeds of different scale count alike


def test_a_searched_loss_stands_beside_others_on_the_same_network(chain, tmp_path, capsys, monkeypatch):
    for name, value in dict(DATA='reside', RECIPE='other.py', QUALITY='other.pth').items():
        monkeypatch.setenv(name, value)  # the script sets the last two
    options = ['--task', 'haze', '--search-options', 'model.loss.vgg=a.pth', '--seeds', 1, '--work-dir', tmp_path]
    asked = chain('loss_search', '--rows', 'identity', 'searched', 'equal', 'vgg', *options)
    places = [call[:2] for call in asked]
    assert places[:3] == [('test', 'configs/hadamard/haze.py'), ('train', 'configs/hadamard/quality.py'),
                          ('train', 'configs/hadamard/search.py')]
    quality = tmp_path.resolve() / 'haze-reside/quality-1/epoch_1.pth'
    assert [os.environ[name] for name in ('RECIPE', 'QUALITY')] == ['./haze.py', str(quality)]
    trained = [call for call in asked if call[1].endswith('search-1/retrain.py')]
    given = [next(part for part in call if 'genotype=' in part).partition('=')[2] for call in trained]
    losses = [Genotype.load(file) for file in given]
    assert [loss.weights['weights'] for loss in losses] == [
        dict(l1=0.5, vgg=1.5), dict(l1=1, vgg=1), dict(l1=0, vgg=1)]
    assert all(loss.choices == {'layers.0': 'relu1_1'} for loss in losses)
    with pytest.raises(SystemExit, match="no term 'tv' was searched"):
        chain('loss_search', '--rows', 'tv', *options)
    with pytest.raises(SystemExit, match=r"\['lpips'\] are not searched without files"):
        chain('loss_search', '--rows', 'lpips', *options)
    drawn = chain('loss_search', '--rows', 'random-network', *options)
    assert [call[0] for call in drawn] == ['analysis_tools/sample_genotype', 'train', 'test']
    assert drawn[0][drawn[0].index('--parameters') + 1:][:2] == ('450000.0', '550000.0')
    assert 'model.loss.vgg=a.pth' in drawn[0]
    assert f'model.net.genotype={tmp_path}/haze-reside/drawn-1/genotype.json#net' in drawn[1]
    assert f'model.loss.genotype={tmp_path}/haze-reside/random-network-1.json' in drawn[1]
    of_drawn = Genotype.load(tmp_path / 'haze-reside/random-network-1.json')
    assert of_drawn.weights['weights'] == dict(l1=0.5, vgg=1.5)
    drawn = chain('loss_search', '--rows', 'random', *options)
    file = next(part for call in drawn for part in call if 'genotype=' in part).partition('=')[2]
    assert sum(Genotype.load(file).weights['weights'].values()) == pytest.approx(2)


def test_the_gradient_of_a_classifier_stands_beside_that_of_the_references(tmp_path, capsys, monkeypatch):
    import quality_gradient

    for name in ('DATA', 'RECIPE', 'QUALITY'):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(BENCHMARKS.parent)
    torch.manual_seed(0)
    torch.save(QualityClassifier().state_dict(), tmp_path / 'quality.pth')
    small = ['model.net.channels=2', 'model.net.num_units=1', 'train_dataloader.dataset.length=8',
             'default_hooks.search.dataloader.dataset.length=8']
    monkeypatch.setattr(sys, 'argv', ['quality_gradient', str(tmp_path / 'quality.pth'), '--steps', '2',
                                      '--interval', '2', '--batches', '1', '--options', *small])
    quality_gradient.main()
    lines = [line.split() for line in capsys.readouterr().out.splitlines() if re.match(r'\d (frozen|learning)', line)]
    assert [line[:2] for line in lines] == [[step, name] for step in '02' for name in ('frozen', 'learning')]
    first, second, frozen, learning = ([float(value) for value in line[2:]] for line in lines)
    assert first == second, 'nothing learned yet'
    assert frozen[-1] == learning[-1] and frozen[3] != learning[3], 'one supernet, two classifiers'
    assert all(-1 <= cosine <= 1 for line in (first, frozen, learning) for cosine in line[:3])
    image = torch.rand(1, 3, 8, 8, requires_grad=True)
    model = torch.nn.Conv2d(3, 3, 1)
    same = [quality_gradient.flat(scale * model(image).square().mean(), list(model.parameters())) for scale in (1, 3)]
    torch.testing.assert_close(3 * same[0], same[1])


def test_a_searched_loss_is_tested_on_images_held_out_as_well(chain, tmp_path, capsys, monkeypatch):
    for name, value in dict(DATA='bsds', RECIPE='other.py', QUALITY='other.pth').items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(BENCHMARKS.parent)
    part = 'test_dataloader.dataset.subset=test'
    found = tmp_path / 'lowlight-bsds/searched-1/retrain.py'
    found.parent.mkdir(parents=True)
    Config.fromfile('configs/hadamard/lowlight.py').dump(found)
    asked = chain('loss_search', '--rows', 'identity', 'searched', '--seeds', 1, '--held-out', part,
                  '--test-options', 'test_dataloader.batch_size=1', '--work-dir', tmp_path)
    tests = [call for call in asked if call[0] == 'test']
    assert [part in call for call in tests] == [False, True, False, True]
    assert all('test_dataloader.batch_size=1' in call for call in tests)
    files = [Path(call[call.index('--out') + 1]) for call in tests]
    assert [file.name.partition('-')[0] for file in files] == ['metrics', 'held_out'] * 2
    for call in tests[1::2]:
        config = call[1] if Path(call[1]).is_file() else str(tmp_path / call[1])
        cfg = Config.fromfile(config)
        assert cfg.test_dataloader == cfg.val_dataloader and cfg.test_dataloader.dataset.type == 'BSDSDataset'
        assert cfg.test_dataloader.dataset.subset == 'val', 'the option changes it'
    assert 'RMSE, held out' in capsys.readouterr().out


def test_rows_of_guidance_are_tested_by_level_of_noise(chain, tmp_path, capsys, monkeypatch):
    for name in ('GUIDANCE', 'TEST_NOISE'):
        monkeypatch.setenv(name, '')  # the script sets them
    import runs
    tool, seen = runs.tool, []
    monkeypatch.setattr(runs, 'tool', lambda name, *arguments: seen.append(
        (name, os.environ['GUIDANCE'], os.environ['TEST_NOISE'])) or tool(name, *arguments))
    options = ['--seeds', 0, 1, '--rows', 'none', 'joint', '--noise', '0.01', '0.02', '--train-options', 'a=1',
               '--proxy-options', 'b=2', '--work-dir', tmp_path]
    asked = chain('guidance', *options)
    assert [call[1] for call in asked] == 12 * ['configs/hyperguidance/deblur_small.py']
    assert [(row, 'a=1' in call, 'b=2' in call) for (_, row, _), call in zip(seen, asked) if call[0] == 'train'] == [
        *2 * [('none', True, False)], *2 * [('joint', True, True)]]
    tests = [call for call in seen if call[0] == 'test']
    assert tests == [('test', row, noise) for row in ('none', 'joint') for _ in (0, 1) for noise in ('0.01', '0.02')]
    assert f'{tmp_path}/deblur_small-joint-1/epoch_1.pth' in asked[-1] and 'b=2' in asked[-1]
    printed = capsys.readouterr().out
    assert re.search(r'\| sr/RMSE +\| 0\.01 +\| 0\.02', printed)
    assert re.search(r'\| joint +\| 2\.000 \+- 0\.000 \| 2\.000', printed)
    assert chain('guidance', *options) == []


def test_rows_of_guidance_are_paired_by_image(tmp_path, capsys):
    from types import SimpleNamespace

    import guidance
    psnr = {('none', 0): [30, 20, 25], ('none', 1): [31, 21, 26], ('true', 0): [31, 22, 28], ('true', 1): [32, 23, 29]}
    trained = {}
    for run, values in psnr.items():
        trained[run] = tmp_path / '-'.join(map(str, run)) / 'epoch_1.pth'
        scores = {f'{i}.png': dict(PSNR=value) for i, value in enumerate(values)}
        folder = trained[run].parent / 'noise-0.01'
        folder.mkdir(parents=True)
        (folder / 'scores.json').write_text(json.dumps(scores))
    args = SimpleNamespace(rows=['none', 'true'], noise=['0.01'], seeds=[0, 1])
    guidance.print_paired(args, trained, 'PSNR')
    # Differences of the images 1, 2, 3 in both seeds: mean 2, standard error 1 / sqrt(3).
    assert re.search(r'PSNR, 3 images \|.*\n.*\n\| true - none +\| \+2\.000 \+- 0\.577 ', capsys.readouterr().out)
    guidance.print_paired(args, trained, 'noise_error')
    assert capsys.readouterr().out == ''


def test_an_enhancement_stands_beside_a_gain_and_its_own_constants(tmp_path, monkeypatch, capsys):
    import lowlight

    generator = np.random.default_rng(0)
    for folder, count in (('BSDS500/data/images/val', 2), ('eval15/low', 1), ('eval15/high', 1), ('dark', 1)):
        (tmp_path / folder).mkdir(parents=True)
        for i in range(count):
            pixels = generator.integers(0, 90, (32, 48, 3), np.uint8)
            cv2.imwrite(str(tmp_path / folder / f'{i}.{"jpg" if "BSDS" in folder else "png"}'), pixels)
    monkeypatch.setenv('BSDS_ROOT', str(tmp_path))
    monkeypatch.setenv('LOL_ROOT', str(tmp_path))
    monkeypatch.chdir(BENCHMARKS.parent)
    torch.manual_seed(0)
    model = dict(_scope_='mmfusenas', type='RUASEnhancement', scene=dict(type='RUASScene', genotype='ruas-scene'),
                 task=dict(type='NoiseRemoval', genotype='ruas-denoise'), denoise='always')
    weights = MODELS.build(ConfigDict(model)).state_dict()
    for name in weights:
        if 'scene.cell.distill' in name and name.endswith('weight'):
            weights[name].zero_()  # a cell of constants
    save_checkpoint(dict(meta=dict(model_cfg=json.dumps(model)), state_dict=weights), tmp_path / 'one.pth')
    files = str(tmp_path / 'one.pth'), '--unpaired', str(tmp_path / 'dark')
    monkeypatch.setattr(sys, 'argv', ['lowlight.py', *files])
    lowlight.main()
    printed = capsys.readouterr().out
    # Noise of 0.1 has 20 dB, a little more where it was cut off at 0.
    assert 20 < float(re.search(r'noise of 0\.1, noise removal alone: ([\d.]+) dB, 2 images', printed)[1]) < 22
    assert f'{files[0]}, noise removal alone: ' in printed
    lines = [line.split(' | ') for line in printed.splitlines() if ' | ' in line and '---' not in line]
    rows = {row[0]: row[1:] for row in lines if not row[0].startswith('|')}
    assert {'as it is', 'gamma 2.2', 'gain', 'y / (y / 2 + c)', 'even illumination', files[0],
            f'{files[0]}, constants', f'even illumination, noise removal of {files[0]}'} <= set(rows)
    assert rows[f'even illumination, noise removal of {files[0]}'] != rows['even illumination']
    assert rows[files[0]] == rows[f'{files[0]}, constants'] != rows[f'{files[0]}, no noise removal']
    assert float(rows[files[0]][2]) == 0 < float(rows['gain'][0])
    # Of the images of the validation: the gain is the best of a grid that holds 1.
    assert float(rows['gain'][5]) >= float(rows['as it is'][5]) and rows['gain'][5] != rows['gain'][0]
    assert 0 < float(rows['as it is'][6]) < 1 and rows['as it is'][6] != rows['gamma 2.2'][6]


def test_the_effect_of_a_guide_by_hand(tmp_path, monkeypatch):
    """The guide is the error of the bicubic image, on one side: a network that adds it is exact by it alone."""
    import guide_effect

    from mmfusenas.registry import DATASETS

    generator = torch.Generator().manual_seed(0)
    samples = []
    for depth in (1000.0, 3000.0):
        target, guide = torch.rand(1, 16, 16, generator=generator), torch.zeros(3, 16, 16, dtype=torch.uint8)
        guide[:, :, :4] = 51
        inputs = dict(guide=guide, target=depth * target, reference=depth * (target + guide[:1] / 255))
        samples.append(dict(inputs=inputs, data_samples=FusionDataSample(metainfo=dict(
            target_range=(0.0, depth), img_shape=(16, 16)))))
    monkeypatch.setattr(DATASETS, 'build', lambda cfg: samples)
    cfg = Config(dict(test_dataloader=dict(dataset={}), test_evaluator=dict(unit=0.1)))
    network = GuidedSR(None)
    network.net = torch.nn.Module()
    network.net.guidance = torch.nn.Linear(1, 1)
    network.images = lambda inputs: dict(restored=inputs['target'] + inputs['guide'][:, :1])
    found = guide_effect.errors(cfg, dict(exact=network))
    side = 0.2 * np.array([100.0, 300.0])  # a fifth of the range, in a tenth of the unit
    expected = {'exact': 0 * side, 'exact, mirrored guide': side * 0.5 ** 0.5, 'bicubic': side * 0.5}
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, atol=1e-4)
    grey = 0.25 * 0.2  # of the mean colour: the error is 0.15 on a quarter, 0.05 on the rest
    root = ((0.2 - grey) ** 2 / 4 + grey ** 2 * 3 / 4) ** 0.5
    np.testing.assert_allclose(found['exact, grey guide'], root / 0.2 * side, rtol=1e-4)
    rows = {row[0]: row for row in guide_effect.table({'first': [1.0, 3.0], 'bicubic': [2.0, 4.0]}, '').table_data}
    assert rows['first'] == ['first', '2.000', '0.625 +- 0.125', '0.000 +- 0.000', '0.0']
    assert rows['bicubic'] == ['bicubic', '3.000', '1.000 +- 0.000', '1.000 +- 0.000', '50.0']


class Seen:
    """In the place of an inferencer: it keeps the mean grey level of what it is given, and scores nothing."""

    def __init__(self, model, **options):
        self.options, self.segments, self.means, self.alone = options, False, [], {}

    def reset(self):
        pass

    def __call__(self, visible, infrared):
        self.means.append((visible.mean(), infrared.mean()))
        return dict.fromkeys(('boxes', 'scores', 'labels'), np.empty((0, 4)))


@pytest.fixture
def failing_sensors(monkeypatch, tmp_path):
    """The benchmark on a detector that is not built; its score is the mean infrared image."""
    pytest.importorskip('mmdet')
    pytest.importorskip('mmseg')
    import failing_sensors

    def run(config, *arguments):
        seen = {}

        def scored(infer, dataset):
            score(infer, dataset)
            seen[len(seen)] = infer
            return float(np.mean(infer.means, 0)[1])

        score = failing_sensors.scored
        monkeypatch.setattr(failing_sensors, 'FusionInferencer', Seen)
        monkeypatch.setattr(failing_sensors, 'load_model', lambda *_, **__: SimpleNamespace(
            task=None, data_preprocessor=SimpleNamespace(bit_depth={})))
        monkeypatch.setattr(failing_sensors, 'mean_average_precision', lambda found, classes: float(len(found)))
        monkeypatch.setattr(failing_sensors, 'scored', scored)
        monkeypatch.setattr(sys, 'argv', [
            'failing_sensors.py', config, 'seen.pth', '--work-dir', str(tmp_path / 'work'), *arguments])
        failing_sensors.main()
        monkeypatch.setattr(failing_sensors, 'scored', score)
        return list(seen.values())

    monkeypatch.chdir(BENCHMARKS.parent)
    return run


def test_failing_sensors_by_what_an_inferencer_is_given(failing_sensors, tmp_path, capsys):
    """The score is the mean of the infrared image, which its own failure alone changes."""
    run = failing_sensors('configs/tim/retinanet_ivif_demo.py', '--replace', '--align', '--alone', 'visible=a.pth')
    lines = [[cell.strip() for cell in line.split('|')[1:-1]] for line in capsys.readouterr().out.splitlines()]
    found = {(line[0], line[1]): float(line[2]) for line in lines if len(line) == 3 and line[2][:1].isdigit()}
    mean = found['none', '']
    assert {found[case] for case in found if case[0] == 'visible'} == {mean} and len(found) == 15
    assert found['infrared', 'black'] == 0
    assert abs(found['infrared', 'a tenth of the light'] - mean / 10) < 0.1
    assert mean < found['infrared', 'saturated, gain 4'] < 255
    assert [infer.options['align'] for infer in run] == ['visible'] * 8 + ['infrared'] * 7
    assert {(infer.options['missing'], *infer.options['alone']) for infer in run} == {('fallback', 'visible')}
    assert {(infer.thermal, infer.homography, infer.resize) for infer in run} == {(None, None, None)}  # by the data set
    assert not failing_sensors('configs/tim/retinanet_ivif_demo.py', '--replace', '--align', '--alone', 'visible=a.pth')
    with pytest.raises(SystemExit, match='another config, fold or checkpoint'):
        failing_sensors('configs/tim/retinanet_ivif_demo.py', '--replace', '--align', '--alone', 'visible=b.pth')
    for wrong in (['--alone', 'visible=b.pth'], ['--replace', '--alone', 'b.pth']):
        with pytest.raises(SystemExit):
            failing_sensors('configs/tim/retinanet_ivif_demo.py', *wrong)


def test_a_frozen_sensor_shows_the_image_before(failing_sensors, tmp_path, monkeypatch):
    """The mean grey level of the infrared images is 10 more from pair to pair, as that of the visible ones is."""
    for number in range(4):
        for folder, grey in dict(vi=10 * number, ir=100 + 10 * number).items():
            write_image(tmp_path / f'test/{folder}/{number:05d}N.png', np.full((48, 64), grey, np.uint8))
        file = tmp_path / f'test/labels/{number:05d}N.txt'
        file.parent.mkdir(exist_ok=True)
        file.write_text('')
    monkeypatch.setenv('MSRS_ROOT', str(tmp_path))
    run = failing_sensors('configs/tim/retinanet_ivif-msrs.py', '--failures', 'frozen', 'half the rate')
    means = [np.mean(infer.means, 0).round(3).tolist() for infer in run]
    assert means == [[15, 115], [15, 107.5], [15, 110], [7.5, 115], [10, 115]]


@pytest.mark.parametrize(('config', 'kind'), [('retinanet_ivif', 'mAP'), ('resnet18_ivif', 'mIoU')])
def test_what_is_found_is_scored(config, kind, monkeypatch):
    """What is there is found: a perfect score; half of it: less."""
    pytest.importorskip('mmdet')
    pytest.importorskip('mmseg')
    import failing_sensors
    from mmengine.registry import init_default_scope

    init_default_scope('mmfusenas')
    monkeypatch.chdir(BENCHMARKS.parent)
    cfg = Config.fromfile(f'configs/tim/{config}.py')
    cfg.test_dataloader.dataset.length = 3
    dataset = failing_sensors.spoiled(cfg, 'infrared', 'black', {})

    class Oracle(Seen):
        part = 1.0

        def __call__(self, visible, infrared):
            assert visible.any() and not infrared.any()
            sample = dataset[len(self.means)]
            self.means.append(None)
            if self.segments:
                mask = sample['gt_seg_map'].copy()
                mask[:round(len(mask) * (1 - self.part))] = 0
                return dict(mask=mask)
            there = sample['instances'][int(len(sample['instances']) * (1 - self.part)):]
            labels = np.array([each['bbox_label'] for each in there], int)
            boxes = np.array([each['bbox'] for each in there], np.float32).reshape(-1, 4)
            return dict(boxes=boxes, scores=np.ones(len(there), np.float32), labels=labels)

    scores = []
    for part in (1.0, 0.5):
        infer = Oracle(None)
        infer.segments, infer.part = kind == 'mIoU', part
        scores.append(failing_sensors.scored(infer, dataset))
    assert scores[0] == pytest.approx(1) and scores[1] < 0.9


def test_an_estimated_homography_is_nearer_than_a_plain_resize(tmp_path):
    import homography

    scenes = SyntheticScenes(length=10, size=(480, 640), seed=10)
    for index in range(10):
        info = scenes.get_data_info(index)
        for folder, key in (('vi', 'img'), ('ir', 'infrared')):
            write_image(tmp_path / folder / f'{index}.png', info[key])
    number, plain, estimate, *shifts = map(float, homography.row(tmp_path, 10, seed=1))
    assert number == 10 and estimate < 3 < 15 < plain and shifts[1] < shifts[0]
    view = homography.infrared_view(np.random.default_rng(1))
    true = homography.true_homography(view)
    assert homography.error(true, true) < 1e-9
    # The corner of the visible image, in pixels of both cameras.
    corner = np.array([homography.MARGIN[0] - 0.5, homography.MARGIN[1] - 0.5, 1]) @ view.T
    np.testing.assert_allclose(true.corners(1)[0] * homography.SEEN[0], corner[:2] / corner[2] + 0.5)


@pytest.mark.slow
def test_an_exported_detector_in_float_and_in_int8(tmp_path):
    for package in ('mmdet', 'onnxruntime', 'openvino'):
        pytest.importorskip(package)
    rng = np.random.default_rng(0)
    for part, stem in (('train', '00001D'), ('train', '00002D'), ('test', '00003D'), ('test', '00004D')):
        for folder in ('vi', 'ir', 'labels'):
            (tmp_path / 'msrs' / part / folder).mkdir(parents=True, exist_ok=True)
        cv2.imwrite(f'{tmp_path}/msrs/{part}/vi/{stem}.png', rng.integers(0, 256, (64, 96, 3), np.uint8))
        cv2.imwrite(f'{tmp_path}/msrs/{part}/ir/{stem}.png', rng.integers(0, 256, (64, 96), np.uint8))
        (tmp_path / 'msrs' / part / 'labels' / f'{stem}.txt').write_text('0 0.5 0.5 0.2 0.4\n')
    env = {name: value for name, value in os.environ.items() if name != 'FOLD'}
    command = [sys.executable, str(BENCHMARKS / 'export_table.py'), '--work-dir', str(tmp_path / 'out'), '--pairs', '2',
               '--repeats', '1', '--shape']
    done, wrong = (subprocess.run([*command, *shape], cwd=BENCHMARKS.parent, capture_output=True, text=True,
                                  env={**env, 'MSRS_ROOT': str(tmp_path / 'msrs')})
                   for shape in (('64', '96'), ('64', '128')))
    assert done.returncode == 0, done.stderr[-2000:]
    assert 'tim-retinanet-msrs, 2 pairs, 1 thread' in done.stdout
    rows = {row[1]: row[2:] for row in (line.split('|') for line in done.stdout.splitlines()) if len(row) == 9}
    rows = {name.strip(): [cell.strip() for cell in cells] for name, cells in rows.items()}
    assert list(rows)[1:] == ['PyTorch', 'onnxruntime, float', 'OpenVINO, float', 'onnxruntime, int8', 'OpenVINO, int8']
    assert rows['onnxruntime, float'][4] == rows['OpenVINO, float'][4] == '0.00 +- 0.00'
    assert float(rows['onnxruntime, int8'][0]) < float(rows['onnxruntime, float'][0])
    assert float(rows['OpenVINO, int8'][5]) < float(rows['OpenVINO, float'][5])  # int8 is what ran
    import onnx
    rounded = {runtime: sum(node.op_type == 'QuantizeLinear' for node in onnx.load(
        tmp_path / f'out/int8-{runtime}.onnx').graph.node) for runtime in ('onnxruntime', 'openvino')}
    assert 0 < rounded['openvino'] < rounded['onnxruntime']
    assert wrong.returncode == 1 and 'is not of the size of --shape, [64, 128]' in wrong.stderr


def test_what_is_left_of_all_candidates():
    pytest.importorskip('mmdet')
    import export_table

    boxes = np.float32([[0, 0, 10, 20], [0, 0, 10, 19], [50, 0, 60, 20], [80, 0, 90, 20]])
    left = export_table.detections(boxes, np.float32([0.5, 0.9, 0.3, 0.04]), np.int64([0, 0, 1, 1]))
    assert left['labels'].tolist() == [0, 1] and left['boxes'].tolist() == boxes[1:3].tolist()
    np.testing.assert_allclose(left['scores'], [0.9, 0.3])
    none = export_table.detections(boxes, np.full(4, 0.04, np.float32), np.int64([0, 0, 1, 1]))
    assert none['boxes'].shape == (0, 4) and not len(none['labels'])


def test_a_process_is_watched_at_even_distances(monkeypatch):
    import endurance

    class Steps:
        stop_training = False

    used = iter([5, 9, 4, 6, 7, 8, 3, 2, 6, 5])  # MB after each step
    monkeypatch.setattr(endurance.memory, 'used', lambda device: 10**6 * next(used))
    watch, runner = endurance.Watch(steps=10, rows=2), SimpleNamespace(iter=0, train_loop=Steps())
    before = len(os.listdir('/proc/self/fd'))
    with open(os.devnull):
        for runner.iter in range(10):
            assert not runner.train_loop.stop_training
            watch.after_train_iter(runner, runner.iter)
    assert runner.train_loop.stop_training
    assert [row[:4] for row in watch.rows] == [
        [step, *memory, before + 1] for step, memory in ((1, (5, 5)), (5, (4, 9)), (10, (2, 8)))]
    assert all(row[4] == len(os.listdir('/proc/self/task')) for row in watch.rows)


def test_wieners_filter_sharpens_and_differences_are_paired():
    import deblurring

    rng = np.random.default_rng(0)  # an image that does not go round, and a kernel that has a direction
    sharp = np.kron(rng.integers(20, 100, (12, 12)), np.ones((8, 8))) + np.linspace(0, 150, 96)
    kernel = np.pad(rng.random((3, 5)), ((0, 4), (1, 1)))
    kernel /= kernel.sum()
    blurred = torch.from_numpy(convolve(sharp, kernel).astype(np.uint8))
    sample = dict(inputs=dict(visible=blurred[None], kernel=torch.from_numpy(kernel)[None]))
    differences = [np.abs(image[..., 0].astype(float) - sharp) for image in (
        deblurring.observed(sample), deblurring.filtered(sample, 0.01))]
    border = np.pad(np.zeros((80, 80), bool), 8, constant_values=True)
    assert differences[1][~border].mean() < 0.7 * differences[0][~border].mean()
    assert differences[1][border].mean() < 1.5 * differences[0][border].mean()  # 3.8 where they go round
    ours, others = np.array([[20.0, 0.5], [22.0, 0.7]]), np.array([[19.0, 0.5], [20.0, 0.5]])
    assert deblurring.differences(ours, others) == ['+1.500 +- 0.500', '+0.100 +- 0.100']
    assert deblurring.differences(ours, ours) == ('', '')
