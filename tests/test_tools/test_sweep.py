"""A sweep trains every config with every combination of settings and seeds once, and makes one table."""
import json
import re
from pathlib import Path

import pytest
import runs


@pytest.fixture
def sweep(with_stub):
    """The script, with tools that leave what real ones do."""

    def tool(name, config, *arguments):
        folder = Path(arguments[arguments.index('--work-dir') + 1])
        folder.mkdir(parents=True, exist_ok=True)
        if name == 'train':
            (folder / Path(config).name).write_text('')
            (folder / 'last_checkpoint').write_text('epoch_1.pth')
            if Path(config).name == 'search.py':
                (folder / 'retrain.py').write_text('')
        else:
            if 'lr=bad' in str(folder):
                raise runs.FailedRun('Loss is nan\nerror: test.py failed')
            seed = int(re.search(r'seed-(\d)', str(folder))[1])
            out = Path(arguments[arguments.index('--out') + 1])
            out.write_text(json.dumps({'mAP': 0.25 + seed / 2 + ('lr=1' in str(folder)), 'MI': 2.0}))

    return with_stub('sweep', tool)


def test_every_combination_is_trained_with_every_seed_once(sweep, tmp_path, capsys):
    options = ('configs/a/x.py', '--grid', 'optimizer.lr', 0.1, '1', '--grid', 'model.name', 'a/b',
               '--seeds', 0, 1, '--work-dir', tmp_path, '--train-options', 'c=2', '--test-options', 'd=3')
    asked = sweep(*options)
    assert [call[0] for call in asked] == ['train', 'test'] * 4
    folders = [call[call.index('--work-dir') + 1] for call in asked if call[0] == 'train']
    assert folders == [f'{tmp_path}/x-optimizer.lr={lr}-model.name=a_b/seed-{seed}' for lr in (0.1, 1)
                       for seed in (0, 1)]
    assert asked[2][-4:] == ('randomness.seed=1', 'optimizer.lr=0.1', 'model.name=a/b', 'c=2')
    assert asked[3][-1] == 'd=3' and 'randomness.seed=1' not in asked[3]
    printed = capsys.readouterr().out
    first = r'x optimizer\.lr=0\.1 model\.name=a/b +'
    assert re.search(first + r'\| 0\.5000 \+- 0\.3536 +\| 2\.0000 \+- 0\.0000 +\| 0\.2500, 0\.75', printed)
    assert re.search(r'x optimizer\.lr=1 model\.name=a/b +\| 1\.5000 \+- 0\.3536', printed)
    assert sweep(*options) == []
    with pytest.raises(SystemExit, match='of another run'):
        sweep(*options[:-4])


def test_the_values_are_those_of_a_search_and_not_of_what_it_finds(sweep, tmp_path):
    asked = sweep('configs/search.py', '--grid', 'default_hooks.search.interval', 2, '--seeds', 5, 5,
                  '--work-dir', tmp_path)
    folder = tmp_path / 'search-default_hooks.search.interval=2/seed-5'
    assert [call[:2] for call in asked] == [
        ('train', 'configs/search.py'), ('train', f'{folder}/retrain.py'), ('test', f'{folder}/retrain/retrain.py')]
    assert 'default_hooks.search.interval=2' in asked[0]
    assert asked[1][-1] == 'randomness.seed=5' and 'default_hooks.search.interval=2' not in asked[1]


def test_the_seeds_of_the_metric_that_is_asked_for(sweep, tmp_path, capsys):
    sweep('configs/x.py', 'configs/y.py', '--seeds', 0, '--metric', 'MI', '--work-dir', tmp_path)
    printed = capsys.readouterr().out
    assert 'MI of the seeds' in printed and len(re.findall(r'\| [xy] .*2\.0000 +\|\n', printed)) == 2
    with pytest.raises(ValueError, match='--metric mIoU: the tests give mAP, MI'):
        sweep('configs/x.py', '--seeds', 0, '--metric', 'mIoU', '--work-dir', tmp_path)


def test_what_would_share_a_folder_is_refused_before_anything_runs(sweep, capsys):
    for arguments in (('configs/a/x.py', 'configs/b/x.py'), ('configs/x.py', '--grid', 'lr', '1', '1')):
        with pytest.raises(ValueError, match='would share a folder'):
            sweep(*arguments)
    with pytest.raises(SystemExit):
        sweep('configs/x.py', '--grid', 'optimizer.lr')
    assert '--grid optimizer.lr has no values' in capsys.readouterr().err


def test_what_fails_is_shown_and_the_rest_goes_on(sweep, tmp_path, capsys):
    options = ('x.py', '--grid', 'lr', 'bad', '1', '--seeds', 0, 1, '--work-dir', tmp_path)
    with pytest.raises(SystemExit, match='(?s)x lr=bad, seed 1:\nLoss is nan.*error: 2 of 4 failed.*again') as ended:
        sweep(*options)
    assert not isinstance(ended.value, runs.FailedRun)
    printed = capsys.readouterr().out
    assert re.search(r'x lr=bad +\| +\| +\| failed, failed +\|', printed)
    assert re.search(r'x lr=1 .*\| 1\.2500, 1\.7500 +\|', printed)
    with pytest.raises(SystemExit, match='error: 1 of 1 failed'):
        sweep('x.py', '--grid', 'lr', 'bad', '--seeds', 0, '--work-dir', tmp_path)


def test_a_tool_that_fails_ends_any_other_benchmark(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)  # tools are found from everywhere
    with pytest.raises(runs.FailedRun, match='(?s)Config no.py does not exist.*train.py no.py failed') as ended:
        runs.tool('train', 'no.py')
    assert isinstance(ended.value, SystemExit)
