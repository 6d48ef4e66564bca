"""Precision over recall, against values that are counted by hand."""
import json
import sys

import cv2
import numpy as np
import pytest

from mmfusenas.core.errors import UserError

CATEGORIES = [dict(id=1, name='person'), dict(id=2, name='car'), dict(id=3, name='bike')]


def box(image, category, x, **values):
    return dict(image_id=image, category_id=category, bbox=[x, 0, 10, 10], **values)


@pytest.fixture
def files(tmp_path):
    """Two persons, one car; no bike. One detector finds both persons with a false one in between, one finds nothing."""
    truth = [box(0, 1, 0), box(1, 1, 0), box(0, 2, 50)]
    annotations = [dict(item, id=i, area=100, iscrowd=0) for i, item in enumerate(truth, 1)]
    images = [dict(id=i, width=100, height=20) for i in (0, 1)]
    found = [box(0, 1, 0, score=0.9), box(0, 1, 80, score=0.8), box(1, 1, 3, score=0.7), box(0, 2, 56, score=0.9)]
    for name, content in dict(gt=dict(images=images, annotations=annotations, categories=CATEGORIES), found=found,
                              nothing=[]).items():
        (tmp_path / f'{name}.json').write_text(json.dumps(content))
    return tmp_path


@pytest.fixture
def run(files, load_tool, monkeypatch, capsys):
    def plot(*arguments, annotations='gt.json'):
        monkeypatch.chdir(files)
        monkeypatch.setattr(sys, 'argv', ['plot', *arguments, '--annotations', annotations])
        load_tool('analysis_tools/plot_precision_recall').main()
        return capsys.readouterr().out

    return plot


def test_the_area_below_each_curve(files, run):
    said = run('ours=found.json', 'none=nothing.json')
    # Precision 1 up to a recall of a half (51 of 101 places), then 2 of 3; the car's box overlaps by 4 of 16 only.
    person = (51 + 50 * 2 / 3) / 101
    rows = [[cell.strip() for cell in line.split('|')[1:-1]] for line in said.splitlines() if '|' in line]
    assert rows == [['average precision', 'mean', 'person', 'car'],
                    ['ours', f'{person / 2:.3f}', f'{person:.3f}', '0.000'], ['none', '0.000', '0.000', '0.000']]
    image = cv2.imread(str(files / 'precision_recall.png'))
    assert image.shape[1] > image.shape[0] and np.ptp(image) > 100


def test_a_smaller_overlap_is_enough_where_asked_for(run):
    assert run('ours=found.json', '--iou', '0.25').splitlines()[3].split('|')[-2].strip() == '1.000'


@pytest.mark.parametrize(('arguments', 'annotations', 'says'), [
    (['found.json'], 'gt.json', 'found.json'), (['a=found.json', '--iou', '2'], 'gt.json', '--iou'),
    (['a=missing.json'], 'gt.json', 'missing.json'), (['a=gt.json'], 'gt.json', 'gt.json'),
    (['a=found.json'], 'found.json', 'found.json'), (['a=nothing.json'], 'gt.json', 'nothing was found')])
def test_wrong_files_are_named(files, run, capsys, arguments, annotations, says):
    with pytest.raises((UserError, SystemExit)) as ended:
        run(*arguments, annotations=annotations)
    assert says in f'{ended.value} {capsys.readouterr().err}'
    assert not (files / 'precision_recall.png').exists()
