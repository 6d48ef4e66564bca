"""A toy project for the tools: a model of one weight, twelve numbers to fit, and a config."""
import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

MODULE = '''
import multiprocessing
import os
import signal
import time
import torch
from mmengine.dataset import BaseDataset
from mmengine.evaluator import BaseMetric
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmfusenas.registry import DATASETS, HOOKS, METRICS, MODELS


@MODELS.register_module(force=True)
class ToolModel(BaseModel):
    def __init__(self, init_cfg=None):
        super().__init__(init_cfg=init_cfg)
        self.layer = torch.nn.Linear(1, 1)

    def forward(self, inputs, data_samples=None, mode='tensor'):
        output = self.layer(torch.stack(inputs))
        self.dtype = output.dtype
        if mode == 'loss':
            return dict(loss=(output.float() - 1).square().mean())
        return [dict(output=value.item()) for value in output]


@DATASETS.register_module(force=True)
class ToolDataset(torch.utils.data.Dataset):
    metainfo = {}

    def __len__(self):
        return 12

    def __getitem__(self, index):
        return dict(inputs=torch.tensor([index / 12]), data_samples=None)


@METRICS.register_module(force=True)
class ToolMetric(BaseMetric):
    def process(self, data_batch, data_samples):
        self.results += [sample['output'] for sample in data_samples]

    def compute_metrics(self, results):
        return dict(count=len(results), undefined=float('nan'))


@HOOKS.register_module(force=True)
class ToolStopHook(Hook):
    """Raise in the middle of training, as a key press or a bug would; or kill a process, and go on slowly."""

    def __init__(self, error, iteration):
        self.error, self.iteration = error, iteration

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if self.error in ('launcher', 'rank', 'worker'):
            self._kill(runner)
        elif runner.iter + 1 == self.iteration:
            raise dict(interrupt=KeyboardInterrupt, bug=ZeroDivisionError)[self.error]('toy')

    def _kill(self, runner):
        time.sleep(0.2)
        if runner.iter + 1 == self.iteration and runner.rank == 0:
            os.kill(dict(launcher=os.getppid(), rank=os.getpid())[self.error] if self.error != 'worker' else
                    multiprocessing.active_children()[0].pid, signal.SIGKILL)
'''

CONFIG = """
default_scope = 'mmfusenas'
custom_imports = dict(imports=['toy_parts'])
model = dict(type='ToolModel')
data = dict(batch_size=4, num_workers=0, dataset=dict(type='ToolDataset'))
train_dataloader = dict(sampler=dict(type='DefaultSampler', shuffle=True), **data)
test_dataloader = dict(sampler=dict(type='DefaultSampler', shuffle=False), **data)
test_evaluator = dict(type='ToolMetric')
train_cfg = dict(type='ResumableEpochTrainLoop', max_epochs=2)
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.1))
default_hooks = dict(checkpoint=dict(type='SafeCheckpointHook', interval=1))
visualizer = dict(type='Visualizer', vis_backends=[])
"""


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Path of the toy config; its module is importable, and the present folder is a temporary one."""
    (tmp_path / 'toy_parts.py').write_text(MODULE)
    (tmp_path / 'toy.py').write_text(CONFIG)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    yield tmp_path / 'toy.py'
    sys.modules.pop('toy_parts', None)


@pytest.fixture
def run_tool(load_tool: Callable, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Run ``tools/NAME.py`` with arguments in this process; return how it ends: '' or what it exits with."""

    def run(name: str, *arguments: str) -> str:
        from mmfusenas.utils.command_line import run_tool

        # Two Runners of one second and one config would share loggers and visualizers by their name.
        unique = f'experiment_name=run_{id(arguments)}'
        monkeypatch.setattr(sys, 'argv', [f'tools/{name}.py', *map(str, arguments)])
        if '--cfg-options' in arguments:
            sys.argv.append(unique)
        elif name in ('train', 'test') and arguments and '--help' not in arguments:
            sys.argv += ['--cfg-options', unique]
        try:
            run_tool(load_tool(name).main)
        except SystemExit as end:
            return str(end.code)
        return ''

    return run


@pytest.fixture
def with_stub(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Callable], Callable[..., list]]:
    """Start a benchmark with a stub in the place of the tools; a run returns what they were asked for."""

    def start(script: str, stub: Callable) -> Callable[..., list]:
        import runs

        asked: list[tuple] = []

        def tool(*call: str) -> str:
            asked.append(call)
            stub(*call)
            return ''

        monkeypatch.setattr(runs, 'tool', tool)

        def run(*arguments: object) -> list[tuple]:
            monkeypatch.setattr(sys, 'argv', [f'{script}.py', *map(str, arguments)])
            asked.clear()
            importlib.import_module(script).main()
            return list(asked)

        return run

    return start


@pytest.fixture
def converter(load_tool: Callable) -> Callable[[str], ModuleType]:
    """Import a converter of data sets by its name."""
    return lambda name: load_tool(f'dataset_converters/{name}')
