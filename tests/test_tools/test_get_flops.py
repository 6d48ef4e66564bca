"""The printed counts: for people, as JSON, and what goes wrong."""
import json

import pytest

TINY = """
default_scope = 'mmfusenas'
model = dict(type='TIMFusion', channels=8, {}operators=['rb_3', 'ca_3'], cells=['successive'])
"""
GENOTYPE = "genotype=dict(choices={f'cells.{i}.' + k: v for i in (0, 1) for k, v in [('type', 'successive'), " \
    "('successive.ops.0', 'rb_3'), ('successive.ops.1', 'ca_3')]}), "


@pytest.fixture
def run(run_tool, capsys):
    """Run the tool; return how it ends, and what it printed, in one."""
    return lambda *arguments: run_tool('analysis_tools/get_flops', *arguments) + capsys.readouterr().out


@pytest.mark.parametrize(('name', 'parameters'), [('light', 127358), ('full', 994917)])
def test_fusion_configs(run, root, name, parameters):
    out = run(root / f'configs/tim/fusion_{name}.py', '--shape', 16, 20)
    assert f'\nParameters: {parameters}\n' in out
    assert f'next:\n  python tools/train.py {root}/configs/tim/fusion_{name}.py' in out


def test_light_at_the_size_of_the_paper(run, root):
    out = run(root / 'configs/tim/fusion_light.py', '--shape', 448, 620)
    assert '\nParameters: 127358\n' in out
    assert '\nMultiply-adds: 35.20 G\n' in out


def test_json_holds_numbers_and_nothing_else_is_printed(run, tmp_path):
    config = tmp_path / 'tiny.py'
    config.write_text(TINY.format(GENOTYPE))
    weights = 2 * 16 * 9 + 16 * 8 * 9 + 2 * (64 + 2 * 8 * 9 + 64 + 64 * 9) + 64 * 9 + 8 * 4 * 9 + 4
    out = run(config, '--shape', 10, 12, '--json')
    costs = json.loads(out)
    assert costs['macs'] == 120 * weights + 2 * 8 * 3
    assert costs['shape'] == [10, 12]


def test_supernet_says_that_it_is_one(run, tmp_path):
    config = tmp_path / 'tiny.py'
    config.write_text(TINY.format(''))
    assert 'A supernet of 6 choices: all candidates count' in run(config, '--shape', 10, 12)


@pytest.mark.parametrize(('arguments', 'message'), [
    (('missing.py',), 'Config missing.py does not exist'),
    (('configs/tim/fusion_light.py', '--shape', '0', '5'), 'positive'),
])  # fmt: skip
def test_wrong_arguments_end_in_one_line(run, root, monkeypatch, arguments, message):
    monkeypatch.chdir(root)
    assert message in run(*arguments)
