"""Records of benchmarks: written of a work dir, read back, and those of the repository."""
import json
import sys
from pathlib import Path

import pytest

from mmfusenas.nas import Genotype
from mmfusenas.nas.cost_table import CostTable

ROOT = Path(__file__).parent.parent.parent
RECORDS = sorted((ROOT / 'benchmarks/records').glob('*.json'))


@pytest.fixture
def records():
    import records
    return records


@pytest.fixture
def call(records, monkeypatch):
    """The script with its arguments."""
    def call(*arguments):
        monkeypatch.setattr(sys, 'argv', ['records.py', *map(str, arguments)])
        records.main()
    return call


def files(folder, content):
    """Write files by their path."""
    for name, text in content.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text if isinstance(text, str) else json.dumps(text))


@pytest.fixture
def work_dir(tmp_path):
    """A search, what was found trained and tested, a random network, and a table of latencies."""
    folder = tmp_path / 'work/bench'
    files(folder, {
        'ias-0/done': 'configs/x.py\nrandomness.seed=0\na.b=[1, 2]',
        'ias-0/last_checkpoint': '/elsewhere/epoch_2.pth', 'ias-0/epoch_2.pth': 'weights', 'ias-0/x.py': 'model = 1',
        'ias-0/genotype.json': Genotype({'last': 'conv', 'first': 'pool'}, costs=dict(parameters=7)).to_dict(),
        'ias-0/search.json': dict(choices=dict(last=dict(candidates=['conv'])), epochs=[dict(epoch=1), dict(epoch=2)]),
        'ias-0/20260101/vis_data/scalars.json': (
            '{"step": 1, "loss": 0.123456789, "lr": 1}\n{"step": 2, "loss": 9.0}\n{"step": 2, "acc": 2}\n'),
        'ias-0/20260102/vis_data/scalars.json': '{"step": 2, "loss": 0.25}\n{"step": 10, "search_top": 3.0}\n',
        'ias-0/train/done': 'work/x.py', 'ias-0/train/last_checkpoint': 'iter_3.pth',
        'ias-0/train/run/vis_data/scalars.json': '{"step": 1, "loss": 1}\n',
        'ias-0/train/metrics.json': dict(b=1.5, a=2), 'ias-0/train/metrics-x.y=(1,2).json': dict(b=float('nan')),
        'random-0/genotype.json': Genotype({'last': 'pool'}).to_dict(),
        'latency_8x8.json': '{"format": 2}', 'broken-off/last_checkpoint': 'iter_1.pth'})
    return folder


def test_a_record_is_a_run_a_line(call, work_dir, tmp_path):
    call(work_dir, '--out', tmp_path / 'kept')
    lines = (tmp_path / 'kept/bench.json').read_text().splitlines()
    assert lines[0] == '{' and lines[-1] == '}' and len(lines) == 5
    assert lines[2] == ('"ias-0/train": {"done": ["work/x.py"], "last_checkpoint": "iter_3.pth", '
                        '"metrics-x.y=(1,2).json": {"b": NaN}, "metrics.json": {"b": 1.5, "a": 2}},')
    search = json.loads((tmp_path / 'kept/bench.json').read_text())['ias-0']
    assert search['done'] == ['configs/x.py', 'randomness.seed=0', 'a.b=[1, 2]']
    assert search['last_checkpoint'] == 'epoch_2.pth' and search['search.json']['epochs'] == [dict(epoch=2)]
    assert search['scalars.json'] == dict(loss={'1': 0.123457, '2': 0.25}, search_top={'10': 3.0})


def test_a_work_dir_is_made_of_a_record_again(call, work_dir, tmp_path):
    call(work_dir, '--out', tmp_path / 'kept')
    call(tmp_path / 'kept/bench.json', '--out', tmp_path / 'again')
    again = tmp_path / 'again/bench'
    names = {str(path.relative_to(again)) for path in again.rglob('*') if path.is_file()}
    whole = {str(path.relative_to(work_dir)) for path in work_dir.rglob('*') if path.is_file()}
    assert {name for name in whole - names if not name.endswith('scalars.json')} == {
        'broken-off/last_checkpoint', 'ias-0/epoch_2.pth', 'ias-0/x.py'}
    assert names - whole == {'ias-0/kept/vis_data/scalars.json'}
    for name in ('ias-0/done', 'ias-0/train/done', 'ias-0/train/last_checkpoint', 'latency_8x8.json'):
        assert (again / name).read_text() == (work_dir / name).read_text()
    found, kept = (Genotype.load(folder / 'ias-0/genotype.json') for folder in (again, work_dir))
    assert found == kept and list(found.choices) == ['last', 'first']  # the order of a cell's operators
    assert list(json.loads((again / 'ias-0/train/metrics.json').read_text())) == ['b', 'a']  # and of a table's columns
    assert (again / 'ias-0/kept/vis_data/scalars.json').read_text().splitlines() == [
        '{"step": 1, "loss": 0.123457}', '{"step": 2, "loss": 0.25}', '{"step": 10, "search_top": 3.0}']
    call(again, '--out', tmp_path / 'of_again')
    assert (tmp_path / 'of_again/bench.json').read_text() == (tmp_path / 'kept/bench.json').read_text()


def test_runs_of_another_work_dir_stay_in_the_record(call, tmp_path):
    for machine, run, score in (('one', 'a-0', 1), ('one', 'a-1', 2), ('two', 'a-1', 3)):
        files(tmp_path / machine / 'bench', {f'{run}/metrics.json': dict(score=score)})
    for machine in ('one', 'two'):
        call(tmp_path / machine / 'bench', '--out', tmp_path)
    runs = json.loads((tmp_path / 'bench.json').read_text())
    assert {name: run['metrics.json']['score'] for name, run in runs.items()} == {'a-0': 1, 'a-1': 3}


def test_what_is_no_record_and_what_would_be_overwritten(call, tmp_path):
    with pytest.raises(SystemExit, match='neither a work dir nor a record'):
        call(tmp_path / 'missing')
    (tmp_path / 'empty').mkdir()
    with pytest.raises(SystemExit, match='holds nothing to keep'):
        call(tmp_path / 'empty', '--out', tmp_path)
    for text in ('{"a": ', '[1]', '{"a": 1}'):
        files(tmp_path, {'x.json': text})
        with pytest.raises(SystemExit, match='x.json is no record of runs'):
            call(tmp_path / 'x.json', '--out', tmp_path / 'out')
    files(tmp_path, {'x.json': '{"a": {"weights.pth": 1}}'})
    with pytest.raises(SystemExit, match="it has 'weights.pth'"):
        call(tmp_path / 'x.json', '--out', tmp_path / 'out')
    files(tmp_path, {'x.json': '{"a": {"metrics.json": {}}}'})
    (tmp_path / 'out/x').mkdir(parents=True)
    with pytest.raises(SystemExit, match='is there already'):
        call(tmp_path / 'x.json', '--out', tmp_path / 'out')


@pytest.mark.parametrize('file', RECORDS, ids=lambda file: file.stem)
def test_records_of_the_repository(records, file):
    runs = records.read(file)
    assert file.read_text() == records.text_of(runs)  # as the script writes it
    assert any(name.startswith('metrics') for run in runs.values() for name in run)
    for name, run in runs.items():
        if 'done' in run:
            config = next(part for part in run['done'] if '=' not in part)  # after what the environment says
            assert config.endswith('.py') and run['last_checkpoint'].endswith('.pth'), name
        if 'genotype.json' in run:
            assert Genotype.from_dict(run['genotype.json'], name).choices


def test_every_file_beside_the_records_is_an_input():
    folder = ROOT / 'benchmarks/records'
    others = [path for path in folder.rglob('*') if path.is_file() and path not in RECORDS]
    assert RECORDS and others
    for path in others:
        if path.parent.parent.name != 'splits':
            CostTable.load(path)


@pytest.mark.parametrize('name, options', [
    ('table6', 'configs/ruas/ssd.py --rows end-to-end end-to-end-scene ruas --train-options '
               'optim_wrapper.type=mmfusenas.CPUAmpOptimWrapper'),
    ('night', 'configs/ruas/retinanet-msrs-night.py --rows plain ruas')])
def test_a_record_gives_the_figures_of_the_docs(call, tmp_path, capsys, monkeypatch, name, options):
    call(ROOT / f'benchmarks/records/{name}.json', '--out', tmp_path)
    capsys.readouterr()
    import task_rows
    monkeypatch.setattr(sys, 'argv', ['task_rows.py', *options.split(), '--work-dir', str(tmp_path / name)])
    task_rows.main()
    # A line a figure; in the documents a line a row.
    lines = [line.split('|')[2:-1] for line in capsys.readouterr().out.splitlines() if '+- ' in line]
    rows = [[figure.strip() for figure in row] for row in zip(*lines)]
    section = (ROOT / 'docs/en/results/ruas.md').read_text().partition(f'records/{name}.json')[2].partition('\n## ')[0]
    assert len(rows) > 1
    for figures in rows:
        assert f'| {" | ".join(figures)} |' in section
