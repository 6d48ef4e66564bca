"""The train and test tools, run on a toy project."""
import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from scipy.stats import entropy

from mmfusenas.datasets.images import to_grey
from mmfusenas.scenes import SyntheticScenes
from mmfusenas.utils.checkpoint import load_checkpoint, save_checkpoint
from mmfusenas.utils.processor import computes_in_bfloat16

WORK_DIR = Path('work_dirs/toy')


def test_chain_of_commands(toy: Path, run_tool: Callable, capsys: pytest.CaptureFixture) -> None:
    """Training names the test command, which writes flat metrics and names the next."""
    assert run_tool('train', 'toy.py') == ''
    config = WORK_DIR / 'toy.py'  # with --cfg-options, the config as it was trained
    command = f'python tools/test.py {config} {WORK_DIR / "epoch_2.pth"}'
    assert command in capsys.readouterr().out
    assert run_tool('test', config, WORK_DIR / 'epoch_2.pth', '--out', 'deep/metrics.json') == ''
    assert json.loads(Path('deep/metrics.json').read_text()) == {'count': 12.0, 'undefined': None}
    assert list(Path('deep').iterdir()) == [Path('deep/metrics.json')]
    assert f'python tools/infer.py {config} {WORK_DIR / "epoch_2.pth"} --visible' in capsys.readouterr().out


def test_what_a_search_found_is_trained_and_then_tested(toy: Path, run_tool: Callable, capsys) -> None:
    """The config that a search wrote is named retrain.py, and so is its copy in the work dir of the training."""
    toy.rename('retrain.py')
    assert run_tool('train', 'retrain.py', '--work-dir', 'found') == ''
    assert 'next:\n  python tools/test.py' in capsys.readouterr().out
    Path('found/search.json').touch()
    assert run_tool('train', 'retrain.py', '--work-dir', 'found') == ''
    assert 'next:\n  python tools/train.py found/retrain.py' in capsys.readouterr().out


def test_options_of_a_search_that_its_retraining_has_too_are_named(
        toy: Path, run_tool: Callable, capsys: pytest.CaptureFixture) -> None:
    Path('found').mkdir()
    Path('found/search.json').touch()
    Path('found/retrain.py').write_text(
        'train_cfg = dict(max_epochs=1)\noptim_wrapper = dict(optimizer=dict(lr=0.5))\n')
    run = ('train', 'toy.py', '--work-dir', 'found', '--cfg-options', 'train_cfg.max_epochs=1')
    assert run_tool(*run, 'optim_wrapper.optimizer.lr=0.01', 'log_level=ERROR') == ''
    assert ('next:\n  python tools/train.py found/retrain.py   # which trains with train_cfg.max_epochs=1 too, as this '
            'search\n') in capsys.readouterr().out


def test_after_a_one_shot_supernet_comes_the_search_of_its_paths(
        root: Path, tmp_path: Path, load_tool: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    path = str(root / 'configs/dcnas/supernet.py')
    monkeypatch.setenv('RECIPE', './depth.py')
    monkeypatch.setattr('sys.argv', ['train.py', path, '--cfg-options', 'default_hooks.sampling.fixed.decoder=k3_r4',
                                     'default_hooks.sampling.warmup_epochs=3', 'model.net.channels=8'])
    cfg = Config.fromfile(path)
    cfg.work_dir = str(tmp_path)
    (tmp_path / 'epoch_60.pth').touch()
    (tmp_path / 'last_checkpoint').write_text(str(tmp_path / 'epoch_60.pth'))
    said = load_tool('train').next_command(argparse.Namespace(config=path, cfg_options=None), cfg)
    search = path.replace('supernet', 'search')
    assert said == (f'RECIPE=./depth.py python tools/train.py {search} --cfg-options load_from={tmp_path}/epoch_60.pth '
                    'train_cfg.fixed.decoder=k3_r4 model.net.channels=8')
    elsewhere = argparse.Namespace(config=str(tmp_path / 'supernet.py'), cfg_options=None)
    assert 'SEARCH_CONFIG' in load_tool('train').next_command(elsewhere, cfg)


def test_resume(toy: Path, run_tool: Callable, capsys: pytest.CaptureFixture) -> None:
    """Without a checkpoint it starts from the beginning, else it goes on from the latest or the one that is named."""
    assert run_tool('train', 'toy.py', '--resume') == ''
    assert 'holds no checkpoint yet' in capsys.readouterr().err
    # What it starts from is then what the config says.
    assert 'none.pth' in run_tool('train', 'toy.py', '--work-dir', 'new', '--resume', '--cfg-options',
                                  'load_from=none.pth')
    first = (WORK_DIR / 'epoch_1.pth').stat().st_mtime_ns
    assert run_tool('train', 'toy.py', '--resume', '--cfg-options', 'train_cfg.max_epochs=3') == ''
    assert (WORK_DIR / 'epoch_1.pth').stat().st_mtime_ns == first
    assert load_checkpoint(WORK_DIR / 'epoch_3.pth')['meta']['iter'] == 9
    assert run_tool('train', 'toy.py', '--work-dir', 'other', '--resume', WORK_DIR / 'epoch_1.pth') == ''
    assert not Path('other/epoch_1.pth').exists() and Path('other/epoch_2.pth').exists()


def test_no_line_for_each_parameter_on_the_console(toy: Path, run_tool: Callable, capsys) -> None:
    assert run_tool('train', 'toy.py', '--cfg-options', 'optim_wrapper.paramwise_cfg.bias_decay_mult=0',
                    'optim_wrapper.optimizer.weight_decay=0.1', 'train_cfg.max_epochs=1',
                    'experiment_name=parameters') == ''  # by default of the second, whose log another test may have
    console, (log,) = capsys.readouterr().out, WORK_DIR.glob('*/*.log')
    assert 'Epoch(train)' in console and 'paramwise_options' not in console
    assert 'paramwise_options -- layer.bias:weight_decay=0.0' in log.read_text()


def test_two_trainings_in_one_work_dir(toy: Path, run_tool: Callable) -> None:
    WORK_DIR.mkdir(parents=True)
    holder = subprocess.Popen(
        [sys.executable, '-c', 'import fcntl, sys; file = open(sys.argv[1], "w"); fcntl.lockf(file, fcntl.LOCK_EX); '
         'print("4711 on here", file=file, flush=True); print(flush=True); sys.stdin.read()',
         str(WORK_DIR / '.training')], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=toy.parent)
    try:
        holder.stdout.readline()
        said = run_tool('train', 'toy.py')
    finally:
        holder.communicate()
    assert said == ('error: Another training runs in work_dirs/toy (process 4711 on here). Wait for it or end it, or '
                    'give this one another --work-dir.')
    assert not list(WORK_DIR.glob('*.pth'))
    assert run_tool('train', 'toy.py') == '' and (WORK_DIR / 'epoch_2.pth').is_file()  # it goes with its holder


def test_weights_alone_cannot_be_resumed(toy: Path, run_tool: Callable) -> None:
    assert run_tool('train', 'toy.py') == ''
    content = load_checkpoint(WORK_DIR / 'epoch_1.pth')
    for missing in (('meta', ), ('message_hub', ), ('meta', 'message_hub', 'optimizer')):
        save_checkpoint({key: value for key, value in content.items() if key not in missing}, 'weights.pth')
        said = run_tool('train', 'toy.py', '--work-dir', 'other', '--resume', 'weights.pth')
        assert 'holds weights alone' in said and 'load_from=CHECKPOINT' in said
    assert run_tool('train', 'toy.py', '--work-dir', 'new', '--cfg-options', 'load_from=weights.pth') == ''


def test_no_workers_is_enough_to_say(toy: Path, run_tool: Callable) -> None:
    options = 'num_workers=2, persistent_workers=True, prefetch_factor=2'
    toy.write_text(toy.read_text().replace('num_workers=0', options))
    assert run_tool('train', 'toy.py', '--cfg-options', 'train_dataloader.num_workers=0') == ''


@pytest.mark.parametrize('option', ['train_dataloader.batch_size=0', 'train_cfg.max_epochs=-3', 'randomness.seed=many',
                                    'default_hooks.checkpoint.interval=often', 'train_dataloader.batchsize=4',
                                    'optim_wrapper.optimizer.lr=-1', 'model.type=NoSuch', 'model.type=5'])
def test_a_wrong_setting_is_one_message(option: str, toy: Path, run_tool: Callable) -> None:
    said = run_tool('train', 'toy.py', '--cfg-options', option)
    assert said.startswith('error: ') and (option.partition('=')[0] in said or 'NoSuch' in said)
    assert not list(WORK_DIR.glob('*.pth'))


def test_interrupt_says_how_to_go_on(toy: Path, run_tool: Callable, capsys: pytest.CaptureFixture) -> None:
    hook = "custom_hooks=[dict(type='ToolStopHook',error='interrupt',iteration={})]"
    toy.write_text(toy.read_text() + hook.format(2))
    assert run_tool('train', 'toy.py') == '130'
    assert 'stopped before the first checkpoint' in capsys.readouterr().err
    toy.write_text(toy.read_text() + '\n' + hook.format(5))
    assert run_tool('train', 'toy.py', '--work-dir', 'my work') == '130'
    assert "python tools/train.py toy.py --work-dir 'my work' --cfg-options" in capsys.readouterr().err


def test_mixed_precision_on_cpu(toy: Path, run_tool: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    """The forward pass is in bfloat16, weights and their checkpoint are in float32."""
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    assert run_tool('train', 'toy.py', '--amp') == ''
    import toy_parts

    model = toy_parts.ToolModel()
    assert load_checkpoint(WORK_DIR / 'epoch_2.pth')['state_dict']['layer.weight'].dtype == torch.float32
    from mmfusenas.registry import OPTIM_WRAPPERS

    wrapper = OPTIM_WRAPPERS.build(
        dict(type='CPUAmpOptimWrapper', optimizer=torch.optim.SGD(model.parameters(), lr=0.1)))
    model.train_step(dict(inputs=[torch.ones(1)], data_samples=None), wrapper)
    assert model.dtype == torch.bfloat16 and model.layer.weight.dtype == torch.float32
    assert 'CPUAmpOptimWrapper' in (WORK_DIR / 'toy.py').read_text()


@pytest.mark.parametrize('flags, said', [('avx2 avx512f', True), ('avx512f avx512_bf16', False), ('amx_bf16', False),
                                         ('asimd bf16', False), (None, False)])
def test_mixed_precision_without_instructions_for_it(flags: str | None, said: bool, tmp_path: Path,
                                                     load_tool: Callable, monkeypatch: pytest.MonkeyPatch,
                                                     capsys: pytest.CaptureFixture) -> None:
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    if flags:
        (tmp_path / 'cpuinfo').write_text(f'processor : 0\nflags : fpu {flags} sse2\n')
    tool = load_tool('train')
    monkeypatch.setattr(tool, 'computes_in_bfloat16', partial(computes_in_bfloat16, tmp_path / 'cpuinfo'))
    tool.set_mixed_precision(Config(dict(optim_wrapper=dict(optimizer=dict(type='SGD')))))
    assert ('no instructions for bfloat16' in capsys.readouterr().err) == said


@pytest.mark.parametrize('supported', [True, False])
def test_mixed_precision_on_a_gpu(supported: bool, load_tool: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    monkeypatch.setattr(torch.cuda, 'is_bf16_supported', lambda including_emulation: supported)
    plain, search = (Config(dict(optim_wrapper=dict(optimizer=dict(type='SGD')), custom_hooks=hooks)) for hooks in (
        [], [dict(type='mmfusenas.CooperativeSearchHook')]))
    for cfg in (plain, search):
        load_tool('train').set_mixed_precision(cfg)
        assert cfg.optim_wrapper.type == 'AmpOptimWrapper' and cfg.optim_wrapper.loss_scale == 'dynamic'
    assert plain.optim_wrapper.get('dtype') == ('bfloat16' if supported else None)
    assert search.optim_wrapper.dtype == 'bfloat16'
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    load_tool('train').set_mixed_precision(search)  # of a config that was written there
    assert set(search.optim_wrapper) == {'type', 'optimizer'}
    load_tool('train').set_mixed_precision(search)  # and of one that was written here
    assert search.optim_wrapper.type == 'mmfusenas.CPUAmpOptimWrapper'


@pytest.mark.parametrize('arguments, words', [
    (['toi.py'], ['Config toi.py does not exist', 'nearest is toy.py']),
    (['.'], ['is a folder']),
    (['toy.py', '--resume', 'none.pth'], ['Checkpoint none.pth does not exist']),
    (['toy.py', '--cfg-options', 'train_cfg.max_epoch=1'], ['train_cfg.max_epoch', 'did you mean max_epochs']),
    (['broken.py'], ['broken.py cannot be read', 'SyntaxError']),
    (['part.py'], ['part.py has no `model`']),
    (['name.py'], ['name.py cannot be read', 'NameError', 'undefined_name']),
    (['toy.py', '--work-dir', 'part.py/inside'], ['Not a directory', 'part.py/inside']),
])
def test_bad_command_ends_in_one_message(toy: Path, run_tool: Callable, arguments: list, words: list) -> None:
    Path('broken.py').write_text('model = dict(')
    Path('part.py').write_text('train_cfg = dict(max_epochs=1)')
    Path('name.py').write_text('model = dict(type=undefined_name)')
    message = run_tool('train', *arguments)
    assert message.startswith('error: ') and all(word in message for word in words), message


def test_unexpected_error_keeps_its_traceback(toy: Path, run_tool: Callable) -> None:
    toy.write_text(toy.read_text() + "custom_hooks=[dict(type='ToolStopHook',error='bug',iteration=1)]")
    with pytest.raises(ZeroDivisionError):
        run_tool('train', 'toy.py')


def test_a_checkpoint_of_another_model_is_not_tested(toy: Path, run_tool: Callable) -> None:
    save_checkpoint(dict(state_dict={'other.weight': torch.zeros(2)}), 'other.pth')
    message = run_tool('test', 'toy.py', 'other.pth')
    assert 'The weights of other.pth do not fit' in message and '1 unknown to the model (other.weight)' in message
    save_checkpoint(dict(state_dict={}, bilevel_search={}), 'search.pth')
    assert 'search.pth is the checkpoint of a search' in run_tool('test', 'toy.py', 'search.pth')


def test_missing_checkpoint_of_a_test(toy: Path, run_tool: Callable) -> None:
    assert 'Checkpoint none.pth does not exist' in run_tool('test', 'toy.py', 'none.pth')
    bundled = run_tool('test', 'toy.py', 'tim-light')  # found by its name, and of another model
    assert 'tim-light.pth' in bundled and 'does not exist' not in bundled
    Path('empty.pth').touch()
    assert 'toy.py has weights: give a checkpoint' in run_tool('test', 'toy.py')
    assert '--show-dir needs a hook that draws' in run_tool('test', 'toy.py', 'empty.pth', '--show-dir', 'images')


def test_a_rule_has_no_weights_and_its_images_are_shown(toy: Path, run_tool: Callable, capsys) -> None:
    data = dict(batch_size=2, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=False), dataset=dict(
        type='SyntheticScenes', length=3, size=(48, 64), pipeline=[dict(type='PackPairInputs')]))
    rule = dict(type='FixedFusion', rule='average')
    Path('rule.py').write_text(
        f"default_scope = 'mmfusenas'\nmodel = {rule}\ntest_dataloader = {data}\ntest_cfg = dict(type='TestLoop')\n"
        "test_evaluator = dict(type='FusionMetric', metric=['EN'])\n"
        "default_hooks = dict(visualization=dict(type='FusionVisualizationHook', draw=False))\n")
    assert run_tool('test', 'rule.py', '--out', 'metrics.json', '--show-dir', 'shown') == ''
    entropies = []
    for info in SyntheticScenes(length=3, size=(48, 64)):
        luma = info['img'] @ np.array([0.114, 0.587, 0.299])
        fused = np.rint(info['img'] + ((info['infrared'] - luma) / 2)[..., None]).clip(0, 255).astype(np.uint8)
        entropies.append(entropy(np.bincount(to_grey(fused).ravel()), base=2))
    assert json.loads(Path('metrics.json').read_text())['fusion/EN'] == pytest.approx(np.mean(entropies), abs=1e-4)
    assert [path.name for path in sorted(Path('shown').iterdir())] == [f'{i:06d}_visible.png' for i in range(3)]
    assert 'next:' not in capsys.readouterr().out  # which would need a checkpoint
    Path('train_only.py').write_text(f"default_scope = 'mmfusenas'\nmodel = {rule}")
    assert 'train_only.py has nothing to test: it lacks test_dataloader' in run_tool('test', 'train_only.py')


@pytest.mark.parametrize('tool', ['train', 'test'])
def test_help(tool: str, run_tool: Callable, capsys: pytest.CaptureFixture) -> None:
    assert run_tool(tool, '--help') == '0'
    assert '--work-dir' in capsys.readouterr().out


def test_a_killed_process_of_the_data_says_how_to_go_on(toy: Path, root: Path) -> None:
    """In a process of its own: PyTorch raises the loss in whatever runs when it hears of it, pytest itself included."""
    toy.write_text(toy.read_text() + "custom_hooks=[dict(type='ToolStopHook', error='worker', iteration=4)]\n"
                   'train_dataloader.update(num_workers=2, persistent_workers=True)\ntrain_cfg["max_epochs"] = 1000\n')
    done = subprocess.run([sys.executable, root / 'tools/train.py', 'toy.py'], env=environment(toy),
                          capture_output=True, text=True, timeout=120)
    assert done.returncode == 1, done.stderr
    assert 'images was ended from outside' in done.stderr and '--resume' in done.stderr


def environment(toy: Path) -> dict[str, str]:
    """Return that of a process which finds the parts of the toy training."""
    path = f'{toy.parent}{os.pathsep}{os.environ.get("PYTHONPATH", "")}'
    return {**os.environ, 'PYTHON': sys.executable, 'PYTHONPATH': path, 'CUDA_VISIBLE_DEVICES': ''}


def train_in_two(toy: Path, root: Path, limit: float | None = None) -> subprocess.CompletedProcess:
    return subprocess.run(['bash', root / 'tools' / 'dist_train.sh', 'toy.py', '2'], env=environment(toy),
                          capture_output=True, text=True, timeout=limit)


@pytest.mark.slow
@pytest.mark.parametrize('killed', ['launcher', 'rank', 'worker'])
def test_a_killed_process_ends_all_and_says_how_to_go_on(killed: str, toy: Path, root: Path) -> None:
    """The output ends when the last process has let go of it."""
    toy.write_text(toy.read_text() + f"custom_hooks=[dict(type='ToolStopHook', error='{killed}', iteration=4)]\n"
                   'train_dataloader.update(num_workers=1, persistent_workers=True)\ntrain_cfg["max_epochs"] = 10000\n')
    result = train_in_two(toy, root, limit=300)
    killed_at = max(file.stat().st_mtime for file in WORK_DIR.glob('*.pth'))
    assert time.time() - killed_at < 60
    assert result.returncode != 0 and 'bash tools/dist_train.sh toy.py 2 --resume' in result.stderr, result.stderr


@pytest.mark.slow
def test_two_processes_on_the_cpu(toy: Path, root: Path) -> None:
    """``dist_train.sh`` on a machine without a GPU: both processes train, the first writes."""
    result = train_in_two(toy, root)
    assert result.returncode == 0, result.stderr
    checkpoint = load_checkpoint(WORK_DIR / 'epoch_2.pth')
    assert checkpoint['meta']['iter'] == 4  # 12 samples in batches of 4 over 2 processes: 2 an epoch
    assert result.stdout.count('done; next:') == 1


def test_dist_train_without_arguments(root: Path) -> None:
    result = subprocess.run(['bash', root / 'tools' / 'dist_train.sh'], capture_output=True, text=True)
    assert result.returncode == 2 and 'usage: bash tools/dist_train.sh CONFIG NPROC' in result.stderr
