"""Whether a space has anything to find: the conclusion by hand, a probe of a small one, and its resume."""
import json
import re
import sys
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from mmengine.evaluator import BaseMetric

from kits import search as kit
from mmfusenas.core.errors import UserError
from mmfusenas.nas import Genotype
from mmfusenas.registry import METRICS


@METRICS.register_module(force=True)
class Brightness(BaseMetric):
    """Mean of the fused images."""

    def process(self, data_batch, data_samples):
        self.results += [float(np.mean(np.asarray(sample['pred_img']))) for sample in data_samples]

    def compute_metrics(self, results):
        return dict(brightness=sum(results) / len(results), count=len(results))


@pytest.fixture
def probe(load_tool, monkeypatch):
    return load_tool('analysis_tools/probe_space')


def test_networks_that_differ_are_told_from_those_that_do_not(probe):
    generator = np.random.default_rng(0)
    seeds = generator.normal(30, 0.1, 6)
    said = probe.conclusion(generator.normal(30, 1, 12), seeds)
    assert said.startswith('There is something to find') and 'between seeds of one' in said
    assert probe.conclusion(generator.normal(30, 0.1, 12), seeds).startswith('Nothing to find is seen')
    # Without a difference, it is said in five of a hundred spaces.
    claims = sum(probe.conclusion(generator.normal(0, 1, 12), generator.normal(0, 1, 6)).startswith('There')
                 for _ in range(1000))
    assert 25 <= claims <= 75


def test_the_conclusion_by_hand(probe):
    # Variances 4 and 1; F(2, 2) = 4 has p = 1 / (1 + 4).
    said = probe.conclusion([8.0, 10.0, 12.0], [9.0, 10.0, 11.0])
    assert 'standard deviations are 2 between networks, 1 between seeds of one (F-test: p = 0.2)' in said
    said = probe.conclusion([0.0, 10.0, 20.0], [9.0, 10.0, 11.0])
    assert 'spread by 9.9; the best of 3' in said and f'about {99**0.5 * probe.expected_best(3):.2g} from' in said
    assert probe.expected_best(3) == pytest.approx(0.846, abs=0.03)  # 3 / (2 sqrt(pi))
    assert probe.conclusion([1.0, 2.0, 3.0], [2.0, 2.0, 2.0]).startswith('There')
    assert probe.conclusion([2.0, 2.0, 2.0], [2.0, 2.0, 2.0]).startswith('Nothing')
    assert '-1.00' in probe.about_size([3.0, 2.0, 1.0], [10, 20, 30]) and probe.about_size([1, 2, 3], [5, 5, 5]) == ''


def test_a_small_space_is_probed_once(probe, run_tool, tmp_path: Path, monkeypatch, capsys):
    val = dict(kit.loader(offset=50), sampler=dict(type='DefaultSampler', shuffle=False))
    cfg = kit.config(tmp_path / 'search', search={}, export={}, epochs=1, **kit.TWO_CELLS, **{
        'train_dataloader.dataset.length': 2, 'val_cfg': dict(type='ValLoop'), 'val_dataloader': val,
        'val_evaluator': dict(type='Brightness'), 'visualizer.vis_backends': [dict(type='LocalVisBackend')]})
    cfg.pop('experiment_name')
    cfg.dump(tmp_path / 'tiny.py')
    asked, names = [], count()

    def tool(name, *arguments):
        asked.append(name)
        # In one process, visualizers of one name would share a folder.
        own = [f'visualizer.name=probe-{next(names)}'] if name == 'train' else []
        assert run_tool(name, *arguments, *own) == ''

    monkeypatch.setattr(probe, 'tool', tool)

    def run(*options):
        asked.clear()
        monkeypatch.setattr(sys, 'argv', ['probe_space.py', str(tmp_path / 'tiny.py'), '--networks', '3', '--seeds',
                                          '3', '--work-dir', str(tmp_path / 'probe'), *options])
        probe.main()
        return capsys.readouterr().out

    said = run()
    assert asked == ['analysis_tools/sample_genotype', 'train'] * 3 + ['train'] * 2
    assert re.search(r'brightness.*\n.*\n.*\n\| 3 random networks +\| [\d.]+ .*\n\| 3 seeds of one', said)
    assert re.search('(There is something|Nothing) to find', said)
    genotypes = {json.dumps(Genotype.load(tmp_path / f'probe/network-{k}/genotype.json').choices) for k in range(3)}
    assert len(genotypes) == 3
    scores = json.loads((tmp_path / 'probe/network-0/seed-3/scores.json').read_text())['scores']
    assert scores['brightness'] != json.loads(
        (tmp_path / 'probe/network-0/seed-0/scores.json').read_text())['scores']['brightness']
    assert run().endswith(said[said.index('+brightness'):]) and asked == []
    (tmp_path / 'probe/network-0/seed-4/scores.json').unlink()
    run('--metric', 'count')
    assert asked == ['train']
    with pytest.raises(UserError, match="gives no metric 'mAP'; it gives brightness, count"):
        run('--metric', 'mAP')
    with pytest.raises(UserError, match='is of another run'):
        run('--train-options', 'train_cfg.max_epochs=2')


def test_a_training_without_a_validation_is_named(probe, tmp_path):
    with pytest.raises(UserError, match='logged no validation'):
        probe.last_scores(tmp_path)


def test_help_says_how_it_works(probe, monkeypatch, capsys):
    monkeypatch.setattr(sys, 'argv', ['probe_space.py', '--help'])
    with pytest.raises(SystemExit):
        probe.main()
    said = capsys.readouterr().out
    assert 'is there anything to find?' in said and '--train-options' in said and 'Cost: NETWORKS' in said
