"""The tools round a search: its plots, and the table of costs it may use."""
import base64
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine.config import Config

from mmfusenas.nas import Genotype, SearchSpace
from mmfusenas.nas.cost_table import CostTable
from mmfusenas.registry import MODELS
from mmfusenas.utils.checkpoint import save_checkpoint
from mmfusenas.utils.complexity import complexity
from mmfusenas.visualization.report import read_scalars
from mmfusenas.visualization.search_plots import plot_cost_and_loss, plot_health

CHOICES = {'scene.cells.0.type': ['a', 'b'], 'neck.cells.0.edges.0_1': ['conv_3', 'skip']}


@pytest.fixture
def work_dir(tmp_path: Path) -> Path:
    """The work dir of a search of two choices and two epochs."""
    epochs = [dict(epoch=epoch, entropy=0.5, upper_loss=1.0, probabilities={name: [0.3, 0.7] for name in CHOICES})
              for epoch in (1, 2)]
    choices = {name: dict(candidates=candidates) for name, candidates in CHOICES.items()}
    (tmp_path / 'search.json').write_text(json.dumps(dict(choices=choices, epochs=epochs)))
    Genotype(choices={name: candidates[1] for name, candidates in CHOICES.items()},
             costs=dict(macs=12345678.0, latency_ms=None)).save(tmp_path / 'genotype.json')
    return tmp_path


def test_plots_are_written_and_named(work_dir: Path, run_tool: Callable, capsys: pytest.CaptureFixture) -> None:
    assert run_tool('analysis_tools/plot_search', work_dir) == ''
    lines = capsys.readouterr().out.splitlines()
    names = ['probabilities_1_scene.cells', 'probabilities_2_neck.cells', 'curves', 'found_neck.cells.0',
             'found_scene.cells']
    assert lines[:5] == [f'{work_dir}/plots/{name}.png' for name in names]
    assert all(cv2.imread(path).std() > 5 for path in lines[:5])  # images, and not blank
    assert lines[-1] == '  python tools/train.py CONFIG'


def test_a_choice_of_one_candidate_is_not_drawn(work_dir: Path, run_tool: Callable) -> None:
    history = json.loads((work_dir / 'search.json').read_text())
    history['choices'] = {'stem.0.type': dict(candidates=['only']), **history['choices']}
    for entry in history['epochs']:
        entry['probabilities']['stem.0.type'] = [1.0]
    (work_dir / 'search.json').write_text(json.dumps(history))
    assert run_tool('analysis_tools/plot_search', work_dir, '--html') == ''
    drawn = sorted(file.stem for file in (work_dir / 'plots').glob('probabilities*'))
    assert drawn == ['probabilities_1_scene.cells', 'probabilities_2_neck.cells']
    captions = re.findall('<figcaption>(.*?)</figcaption>', (work_dir / 'plots/index.html').read_text())
    assert captions[0].startswith('<b>probabilities_1_scene.cells</b>: the probability of every candidate after each')
    assert len(captions) == 5 and all(len(caption) > 60 for caption in captions)


def embedded_images(html: str) -> list[np.ndarray]:
    return [cv2.imdecode(np.frombuffer(base64.b64decode(text), np.uint8), cv2.IMREAD_COLOR)
            for text in re.findall(r'src="data:image/png;base64,([^"]+)"', html)]


def log_of_a_training(work_dir: Path) -> np.ndarray:
    """Write what two starts of a training log, and return the image that the last validation drew."""
    for start, steps in (('1', (1, 2, 3)), ('2', (3, 4))):  # resumed after the second step
        folder = work_dir / start / 'vis_data'
        (folder / 'vis_image').mkdir(parents=True)
        lines = [json.dumps(dict(loss=10.0 * step + int(start), iter=step, epoch=1, step=step)) for step in steps]
        (folder / 'scalars.json').write_text('\n'.join(lines) + '\n')
        image = np.full((20, 30, 3), 40 * int(start), np.uint8)
        cv2.imwrite(str(folder / f'vis_image/val_0_{steps[-1]}.png'), image)
    return image


def test_a_page_of_a_search_needs_no_other_file(work_dir: Path, run_tool: Callable) -> None:
    history = json.loads((work_dir / 'search.json').read_text())
    for entry in history['epochs']:
        entry['expected_cost'] = dict(latency_ms=10.0 * entry['epoch'])
    (work_dir / 'search.json').write_text(json.dumps(history))
    shown = log_of_a_training(work_dir)
    assert run_tool('analysis_tools/plot_search', work_dir, '--html') == ''
    html = (work_dir / 'plots/index.html').read_text()
    assert '<td>neck.cells.0.edges.0_1</td><td>skip</td><td>0.70</td><td>2</td>' in html
    assert '<td>macs</td><td>1.235e+07</td>' in html
    assert 'python tools/train.py CONFIG' in html and not re.findall(r'(?:src|href)="(?!data:)', html)
    images = embedded_images(html)
    assert len(images) == 5 + 1 + 1 + 1  # the plots, cost and loss, the curves of the training, the last image
    assert all(image.std() > 5 for image in images[:-1]) and np.array_equal(images[-1], shown)
    costs = plot_cost_and_loss(history).axes[0].collections[0].get_offsets()
    assert costs.tolist() == [[10, 1], [20, 1]]


def test_a_page_of_a_training(tmp_path: Path, run_tool: Callable) -> None:
    scored = log_of_a_training(tmp_path) + 5
    cv2.imwrite(str(tmp_path / 'pareto.png'), scored)  # as an evolution leaves it
    assert read_scalars(tmp_path) == dict(loss=[(1, 11.0), (2, 21.0), (3, 32.0), (4, 42.0)])
    (tmp_path / 'mine.py').write_text('')
    (tmp_path / 'last_checkpoint').write_text('iter_4.pth')
    assert run_tool('analysis_tools/plot_search', tmp_path, '--html') == ''
    html = (tmp_path / 'plots/index.html').read_text()
    assert len(embedded_images(html)) == 3 and '<h2>Cost against score</h2>' in html
    assert np.array_equal(embedded_images(html)[1], scored)
    assert f'python tools/test.py {tmp_path}/mine.py {tmp_path}/iter_4.pth' in html
    (tmp_path / '2/vis_data/scalars.json').write_text('{"loss": 3}\n')
    assert 'scalars.json, line 1 is no line of a log' in run_tool('analysis_tools/plot_search', tmp_path, '--html')


def test_a_search_without_an_expected_cost_shows_its_scores_against_parameters(
        work_dir: Path, run_tool: Callable, load_tool: Callable, capsys: pytest.CaptureFixture) -> None:
    log_of_a_training(work_dir)
    assert run_tool('analysis_tools/plot_search', work_dir, '--html') == ''
    html = (work_dir / 'plots/index.html').read_text()
    assert 'Not drawn: no epoch has a validation score' in html and 'cost_and_scores' not in capsys.readouterr().out
    with open(work_dir / '2/vis_data/scalars.json', 'a') as log:
        log.writelines(json.dumps({'mAP': 0.1 * epoch, 'time': 0.5, 'data_time': 0.1, 'step': epoch}) + '\n'
                       for epoch in (1, 2, 3))
    for epoch, parameters in ((1, 900), (2, 700), (3, 500)):  # the third is left of a former search
        (work_dir / 'genotypes').mkdir(exist_ok=True)
        Genotype(costs=dict(parameters=parameters)).save(work_dir / f'genotypes/epoch_{epoch}.json')
    assert run_tool('analysis_tools/plot_search', work_dir, '--html') == ''
    html = (work_dir / 'plots/index.html').read_text()
    images = re.search('<h2>Cost against score</h2>(.*?)</section>', html, re.DOTALL)[1]
    assert len(embedded_images(images)) == 1 and 'Its score is that of the supernet' in images
    assert cv2.imread(str(work_dir / 'plots/cost_and_scores.png')).std() > 5
    assert 'plots/validation.png' in capsys.readouterr().out and 'Not drawn' not in html
    assert read_scalars(work_dir, validation=True) == dict(mAP=[(1, 0.1), (2, 0.2), (3, 0.1 * 3)])
    assert list(read_scalars(work_dir)) == ['loss']
    history = json.loads((work_dir / 'search.json').read_text())
    assert load_tool('analysis_tools/plot_search').found_parameters(work_dir, history) == {1: 900, 2: 700}


def next_commands(work_dir: Path) -> list[str]:
    """Return the commands of the page of a work dir, without what they are for."""
    text = re.search('<h2>Next</h2>\n<pre>(.*?)</pre>', (work_dir / 'plots/index.html').read_text(), re.DOTALL)[1]
    return [line for line in text.splitlines() if not line.startswith('#')]


def save_model(path: Path, model: dict, **content: object) -> None:
    """Write the checkpoint of a model of random weights."""
    model = dict(model, _scope_='mmfusenas')
    save_checkpoint(dict(meta=dict(model_cfg=json.dumps(model)), state_dict=MODELS.build(model).state_dict(),
                         **content), path)


def test_what_comes_after_a_search(work_dir: Path, run_tool: Callable) -> None:
    log_of_a_training(work_dir)
    (work_dir / 'retrain.py').touch()
    save_model(work_dir / 'epoch_2.pth', SCENE)
    (work_dir / 'last_checkpoint').write_text('epoch_2.pth')
    retrain = f'python tools/train.py {work_dir}/retrain.py'
    derive = (f'python tools/derive.py {work_dir}/epoch_2.pth --out {work_dir}/derived.json '
              f'--checkpoint {work_dir}/derived.pth')
    use = [f'python tools/infer.py --model {work_dir}/derived.pth --visible FOLDER --infrared FOLDER --out-dir FOLDER',
           f'python tools/deployment/export_onnx.py --model {work_dir}/derived.pth --out {work_dir}/model.onnx']
    again = f'python tools/analysis_tools/plot_search.py {work_dir} --html'
    assert run_tool('analysis_tools/plot_search', work_dir, '--html') == ''
    assert next_commands(work_dir) == [retrain, derive, *use, again]  # the last genotype need not be that of retrain.py
    genotype = Genotype.load(work_dir / 'genotype.json')
    replace(genotype, source=dict(epoch=2)).save(work_dir / 'genotype.json')
    log_of_a_training(work_dir / 'retrain')
    assert run_tool('analysis_tools/plot_search', work_dir, '--html') == ''
    of_retraining = f'python tools/analysis_tools/plot_search.py {work_dir}/retrain --html'
    test = f'python tools/test.py {work_dir}/retrain.py {work_dir}/derived.pth'
    assert next_commands(work_dir) == [retrain, of_retraining, derive, test, *use, again]
    save_checkpoint(dict(state_dict={}), work_dir / 'epoch_2.pth')
    assert run_tool('analysis_tools/plot_search', work_dir, '--html') == ''
    assert f'{derive} --config CONFIG' in next_commands(work_dir)


def test_what_comes_after_a_training(tmp_path: Path, run_tool: Callable) -> None:
    log_of_a_training(tmp_path)
    (tmp_path / 'mine.py').touch()
    (tmp_path / 'last_checkpoint').write_text('iter_4.pth')
    trained, page = f'{tmp_path}/mine.py {tmp_path}/iter_4.pth', 'analysis_tools/plot_search'
    again = f'python tools/{page}.py {tmp_path} --html'
    save_model(tmp_path / 'iter_4.pth', dict(type='RUASScene', genotype='ruas-scene'))
    assert run_tool(page, tmp_path, '--html') == ''
    assert next_commands(tmp_path) == [
        f'python tools/test.py {trained}', f'python tools/infer.py {trained} --input FOLDER --out-dir FOLDER',
        f'python tools/deployment/export_onnx.py {trained} --out {tmp_path}/model.onnx', again]
    save_model(tmp_path / 'iter_4.pth', SCENE, path_sampling={})
    assert run_tool(page, tmp_path, '--html') == ''
    assert next_commands(tmp_path) == [
        f'python tools/train.py SEARCH_CONFIG --cfg-options load_from={tmp_path}/iter_4.pth', again]
    save_model(tmp_path / 'iter_4.pth', SCENE)  # of a search that exports nothing
    assert run_tool(page, tmp_path, '--html') == ''
    assert next_commands(tmp_path)[0].startswith(f'python tools/derive.py {tmp_path}/iter_4.pth --out ')


def test_the_health_is_drawn_where_there_is_one(work_dir: Path, run_tool: Callable) -> None:
    history = json.loads((work_dir / 'search.json').read_text())
    history['epochs'][1].update(batch_cosine=0.4, health=dict(
        steps=8, cosine=0.5, drift=4.5, signal=dict.fromkeys(CHOICES, 1.0)))
    (work_dir / 'search.json').write_text(json.dumps(history))
    assert run_tool('analysis_tools/plot_search', work_dir) == ''
    assert cv2.imread(str(work_dir / 'plots/health.png')).std() > 5
    cosine, drift, signal, entropy = plot_health(history).axes
    assert [line.get_label() for line in cosine.lines[:2]] == ['between steps', 'between batches']
    assert [line.get_ydata().tolist() for line in cosine.lines[:2]] == [[0.5], [0.4]]
    assert drift.lines[0].get_ydata().tolist() == [4.5] and entropy.lines[0].get_ydata().tolist() == [0.5]
    assert len(signal.lines) == len(CHOICES) + 1


def test_the_page_says_where_little_was_decided(work_dir: Path, run_tool: Callable) -> None:
    history = json.loads((work_dir / 'search.json').read_text())
    for steps, over_uniform, said in ((4, 1.04, True), (40, 1.4, False)):
        history['epochs'][-1]['health'] = dict(steps=steps, over_uniform=over_uniform)  # of too few steps for a cosine
        (work_dir / 'search.json').write_text(json.dumps(history))
        assert run_tool('analysis_tools/plot_search', work_dir, '--html') == ''
        html = (work_dir / 'plots/index.html').read_text()
        assert ('after 4 steps on the choices the likeliest candidates have on average 1.04 times' in html) == said
        assert not (work_dir / 'plots/health.png').exists()


def test_plots_of_a_running_search_leave_out_what_is_not_found_yet(
        work_dir: Path, run_tool: Callable, capsys: pytest.CaptureFixture) -> None:
    (work_dir / 'genotype.json').unlink()
    assert run_tool('analysis_tools/plot_search', work_dir) == ''
    assert 'does not exist (yet)' in capsys.readouterr().out
    assert len(list((work_dir / 'plots').iterdir())) == 3


@pytest.mark.parametrize(('text', 'message'), [
    ('{', 'search.json is not JSON (Expecting property name'),
    ('{"choices": {}}', "is no history of a search (KeyError: 'epochs'"),
    ('{"choices": {"a": {"candidates": ["x"]}}, "epochs": []}', 'holds no epoch yet'),
])
def test_plots_need_a_history(text: str, message: str, work_dir: Path, run_tool: Callable) -> None:
    (work_dir / 'search.json').write_text(text)
    assert message in run_tool('analysis_tools/plot_search', work_dir)
    assert 'History' in run_tool('analysis_tools/plot_search', work_dir / 'nowhere')


SCENE = dict(type='TIMFusion', channels=4, num_cells=1, cells=('successive',), operators=('rb_3', 'ca_3'))


def test_table_measures_the_model_of_a_config(
        tmp_path: Path, run_tool: Callable, capsys: pytest.CaptureFixture) -> None:
    config, out = tmp_path / 'c.py', tmp_path / 'table.json'
    hooks = [dict(type='EMAHook'), dict(type='BilevelSearchHook', cost=dict(weight=0.1))]
    config.write_text(f"default_scope = 'mmfusenas'\nmodel = {SCENE}\ncustom_hooks = {hooks}")
    tool = 'analysis_tools/build_latency_table'
    assert run_tool(tool, config, '--out', out, '--shape', '20', '30') == ''
    table = CostTable.load(out)
    assert list(table.choices) == ['cells.0.type', 'cells.0.successive.ops.0', 'cells.0.successive.ops.1']
    # ca_3 is a 3 x 3 convolution of 4 channels (and a 1-D one of three weights over them).
    assert table.choices['cells.0.successive.ops.1']['ca_3']['macs'] >= 9 * 4 * 4 * 20 * 30
    assert table.conditions['input_shapes'] == [[1, 3, 20, 30], [1, 1, 20, 30]]
    text = capsys.readouterr().out
    assert '| cells.0.successive.ops.1 | ca_3 ' in text and 'the fixed part' in text
    assert f'python tools/train.py {config} --cfg-options custom_hooks.1.cost.table={out}\n' in text
    hooks[1] = dict(type='BilevelSearchHook')
    config.write_text(f"default_scope = 'mmfusenas'\nmodel = {SCENE}\ncustom_hooks = {hooks}")
    assert run_tool(tool, config, '--out', out, '--shape', '20', '30') == ''
    assert f'custom_hooks.1.cost.table={out} custom_hooks.1.cost.weight=' in capsys.readouterr().out
    assert run_tool(tool, config, '--out', out, '--shape', '20', '30', '--cfg-options', 'model.channels=8') == ''
    assert CostTable.load(out).choices['cells.0.successive.ops.1']['ca_3']['macs'] >= 9 * 8 * 8 * 20 * 30


@pytest.mark.parametrize('runtime', ['onnxruntime', 'openvino'])
def test_table_measures_exported_graphs(
        runtime: str, tmp_path: Path, run_tool: Callable, capsys: pytest.CaptureFixture) -> None:
    pytest.importorskip(runtime)
    config, out = tmp_path / 'c.py', tmp_path / 'table.json'
    config.write_text(f"default_scope = 'mmfusenas'\nmodel = {SCENE}\ncustom_hooks = [dict(type='BilevelSearchHook')]")
    tool = 'analysis_tools/build_latency_table', config, '--out', out, '--shape', '20', '30', '--backend', runtime
    assert run_tool(*tool) == ''
    table = CostTable.load(out)
    assert table.conditions['runtime'] == runtime and f'threads, {runtime}' in capsys.readouterr().out
    assert all(cost['latency_ms'] > 0 for cost in table.choices['cells.0.successive.ops.1'].values())
    assert 'leave out --device cuda' in run_tool(*tool, '--device', 'cuda')


def test_table_of_a_network_without_choices_is_refused(tmp_path: Path, run_tool: Callable) -> None:
    (tmp_path / 'c.py').write_text("model = dict(type='TIMFusion', genotype='tim-light', channels=4)")
    message = run_tool('analysis_tools/build_latency_table', tmp_path / 'c.py', '--out', tmp_path / 't.json')
    assert 'has no choice left to measure' in message and not (tmp_path / 't.json').exists()


def test_a_random_architecture_trains_like_a_found_one(
        root: Path, tmp_path: Path, run_tool: Callable, capsys: pytest.CaptureFixture) -> None:
    config = tmp_path / 'search.py'  # the search of the fusion network, narrow and on small images
    config.write_text(f"_base_ = {str(root / 'configs/tim/fusion_search.py')!r}\nmodel = dict(channels=8)\n"
                      "default_hooks = dict(export=dict(shape=(48, 64)))\n")
    found = []
    for name, seed in (('a', 1), ('b', 1), ('c', 2)):
        assert run_tool('analysis_tools/sample_genotype', config, '--seed', seed, '--work-dir', tmp_path / name) == ''
        found.append(Genotype.load(tmp_path / name / 'genotype.json'))
    assert found[0].choices == found[1].choices != found[2].choices
    assert f'next:\n  python tools/train.py {tmp_path / "c/retrain.py"}' in capsys.readouterr().out
    retrain = Config.fromfile(tmp_path / 'a/retrain.py')
    model = MODELS.build(retrain.model)
    assert not len(SearchSpace(model)) and found[0].costs == complexity(model, (48, 64))
    assert not {'search', 'export'} & set(retrain.default_hooks)


def test_nothing_to_draw_is_an_error(root: Path, tmp_path: Path, run_tool: Callable) -> None:
    end = run_tool('analysis_tools/sample_genotype', root / 'configs/tim/fusion_light.py', '--work-dir', tmp_path / 'x')
    assert 'no choice left to draw' in end and not (tmp_path / 'x').exists()


@pytest.mark.parametrize(('config', 'place'), [('supernet', 'default_hooks.sampling'), ('search', 'train_cfg')])
def test_a_table_of_a_one_shot_search_goes_where_its_constraints_are(root, load_tool, config, place, monkeypatch):
    path = root / f'configs/dcnas/{config}.py'
    monkeypatch.setattr('sys.argv', ['build', str(path), '--cfg-options', 'model.net.channels=8', 'seed=1'])
    said = load_tool('analysis_tools/build_latency_table').next_command(Config.fromfile(path), str(path), 't.json')
    assert f'--cfg-options {place}.table=t.json {place}.cost=latency_ms' in said
    assert said.endswith('model.net.channels=8') and 'seed' not in said
    assert ('train_cfg.limit=MILLISECONDS load_from=SUPERNET' in said) == (place == 'train_cfg')


def test_what_is_drawn_of_a_supernet_s_config_trains_without_its_paths(root, tmp_path, run_tool):
    assert run_tool('analysis_tools/sample_genotype', root / 'configs/dcnas/supernet.py', '--work-dir', tmp_path) == ''
    retrain = Config.fromfile(tmp_path / 'retrain.py')
    assert 'sampling' in Config.fromfile(root / 'configs/dcnas/supernet.py').default_hooks
    assert 'sampling' not in retrain.default_hooks
    assert not len(SearchSpace(MODELS.build(retrain.model)))


def test_what_is_drawn_has_the_search_s_width_and_fixed_part(
        root: Path, tmp_path: Path, run_tool: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('RECIPE', './depth-nyu.py')
    assert run_tool('analysis_tools/sample_genotype', root / 'configs/dcnas/search.py', '--work-dir', tmp_path,
                    '--parameters', '5e5', '6e5', '--cfg-options', 'train_cfg.fixed.decoder=k3_r4',
                    'model.net.channels=8') == ''
    found = Genotype.load(tmp_path / 'genotype.json')
    assert 5e5 <= found.costs['parameters'] <= 6e5
    assert Config.fromfile(tmp_path / 'retrain.py').model.net.channels == 8
    assert {value for name, value in found.choices.items() if name.startswith('net.decoder')} == {'k3_r4'}
