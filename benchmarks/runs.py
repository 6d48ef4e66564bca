"""Trainings, searches and tests as the benchmarks run them: each once, by the tools that a user has.

A run that is done is not done again and one that was broken off is resumed, so that a benchmark goes on where it was
stopped when it is started again with the same arguments. Started several times with the same arguments and work dir, on
one machine or on several with a common file system (by hand, by torchrun, as a job array of Slurm), a benchmark that
uses :func:`shared` divides its runs among the processes.
"""
import argparse
import fcntl
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import numpy as np
from mmengine.config import Config
from mmengine.utils import ProgressBar

from mmfusenas.core.errors import UserError
from mmfusenas.utils.command_line import ConfigOptions

Run = TypeVar('Run', bound=Hashable)
Result = TypeVar('Result')

FORMS = ('RECIPE', 'DATA', 'GUIDANCE', 'SCALE', 'NOISE', 'PATCH', 'CLASSIFIER', 'FAILURES')
"""Variables of the environment that make another training of a config; a run remembers them as it does its options."""

TOOLS = Path(__file__).resolve().parent.parent / 'tools'
WAIT = 10.0
"""Seconds until a process looks again whether another one has ended."""


class BusyError(UserError):
    """Another process works on a run."""


class FailedRun(SystemExit):
    """A tool failed; where nothing catches it, the benchmark ends with the last lines of what the tool said."""


def shared(runs: Sequence[Run], work: Callable[[Run], Result]) -> dict[Run, Result]:
    """Return what every run gives, by run, with a bar of progress.

    A run on which another process works is left to it, and asked for again when the others are done.
    """
    runs = list(dict.fromkeys(runs))  # one that is given twice is one
    results, bar = {}, ProgressBar(len(runs))
    while len(results) < len(runs):
        before = len(results)
        for run in (run for run in runs if run not in results):
            with suppress(BusyError):
                results[run] = work(run)
                bar.update()
        if len(results) == before:
            time.sleep(WAIT)
    return {run: results[run] for run in runs}


@contextmanager
def turn(folder: Path) -> Iterator[None]:
    """Keep ``folder`` for this process and the tools that it runs there, which go on where it is killed.

    Raises:
        BusyError: Another process has it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / '.turn', 'a') as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BusyError(f'Another process works in {folder}. Wait for it, or give another --work-dir.') from error
        except OSError:
            pass  # a file system without locks
        os.set_inheritable(file.fileno(), True)  # such a lock lasts until all processes that have the file ended
        yield


def train(config: str, folder: Path, options: Sequence[str] = ()) -> Path:
    """Train in ``folder``, or search; return the last checkpoint."""
    with turn(folder):
        return _train(config, folder, options)


def _train(config: str, folder: Path, options: Sequence[str]) -> Path:
    done, request = folder / 'done', '\n'.join([*settings(FORMS), config, *options])
    if not done.is_file():
        tool('train', config, '--resume', '--work-dir', str(folder), *cfg_options(options))
        done.write_text(request)
    check_request(done, request)
    return folder / Path((folder / 'last_checkpoint').read_text().strip()).name


def settings(names: Sequence[str]) -> list[str]:
    """Return the variables of the environment that are set, as ``NAME=VALUE``."""
    return [f'{name}={os.environ[name]}' for name in names if name in os.environ]


def check_request(file: Path, request: str) -> None:
    """End where a file says that what is done was asked for in other words."""
    if file.read_text() != request:
        sys.exit(f'error: {file.parent} is of another run:\n{file.read_text()}\nand asked for is\n{request}\n'
                 'Give another --work-dir.')


def train_found(config: str, folder: Path, options: Sequence[str] = (),
                found_options: Sequence[str] | None = None) -> tuple[str, Path]:
    """Train in ``folder``, and what was found where that is a search; return the config and the last checkpoint.

    What was found trains with ``found_options``, by default with the same ones.
    """
    checkpoint = train(config, folder, options)
    if (folder / 'retrain.py').is_file():
        config = str(folder / 'retrain.py')
        checkpoint = train(config, folder / 'retrain', options if found_options is None else found_options)
    return config, checkpoint


def test(config: str, checkpoint: Path, options: Sequence[str] = (), output: Sequence[str] = (),
         name: str = 'metrics') -> dict[str, float]:
    """Test a checkpoint by a config that lies beside it, as that of its training does; return its metrics.

    ``output`` are options that say where a metric writes what was found, and change none; ``name`` begins the name of
    the file with the metrics.
    """
    folder = checkpoint.parent
    file = folder / metrics_file(options, name)
    with turn(folder):
        if not file.is_file():
            # Not in the training's folder: the options would go into the config there, and from it into the next test.
            tool('test', str(folder / Path(config).name), str(checkpoint), '--out', str(file),
                 '--work-dir', str(folder / 'test'), *cfg_options(
                     ['default_hooks.visualization.draw=False', *output, *options]))
    return json.loads(file.read_text())


def test_rule(config: str, folder: Path, rule: Sequence[str], options: Sequence[str] = (),
              checkpoint: str = '', name: str = 'metrics') -> dict[str, float]:
    """Test what needs no training: a rule that ``rule`` makes of a config's model, or bundled weights of one.

    What was tested is not tested again; another config, rule, checkpoint or fold in its place is an error.
    """
    file = folder / metrics_file(options, name)
    asked, weights = file.with_suffix('.request'), Path(checkpoint)
    written = [str(weights.stat().st_mtime)] if weights.is_file() else []  # a later training writes the same file
    request = '\n'.join([*settings((*FORMS, 'FOLD')), config, checkpoint, *written, *rule, *options])
    with turn(folder):
        if not file.is_file():
            named = [checkpoint] if checkpoint else []
            # Not in the folder: the tool writes the config there, and would write over one that lies in it.
            tool('test', config, *named, '--out', str(file), '--work-dir', str(folder / 'test'), *cfg_options(
                ['default_hooks.visualization.draw=False', *rule, *options]))
            asked.write_text(request)
        elif asked.is_file():  # which records of a run lack
            check_request(asked, request)
    return json.loads(file.read_text())


def metrics_file(options: Sequence[str], name: str = 'metrics') -> str:
    """Return the name of the file with what a test by some options gave."""
    return f'{"-".join([name, *options]).replace("/", "_")}.json'


def last_scores(folder: Path) -> dict[str, float]:
    """Return what the last validation of a training in ``folder`` gave."""
    return [{name: value for name, value in line.items() if '/' in name} for line in scalars(folder)
            if any('/' in name for name in line) and 'loss' not in line][-1]


def scalars(folder: Path) -> list[dict[str, float]]:
    """Return what a training in ``folder`` logged, line by line."""
    return [json.loads(line) for file in sorted(folder.glob('*/vis_data/scalars.json'))
            for line in file.read_text().splitlines()]


def draw(config: str, folder: Path, seed: int, between: Sequence[float] = (), options: Sequence[str] = ()) -> Path:
    """Draw a random network of a search's space, of so many parameters where a range is given; return the genotype."""
    with turn(folder):
        if not (folder / 'genotype.json').is_file():
            size = ['--parameters', *map(str, between)] if between else []
            tool('analysis_tools/sample_genotype', config, '--seed', str(seed), *size, '--work-dir', str(folder),
                 *cfg_options(options))
    return folder / 'genotype.json'


def tool(name: str, *arguments: str) -> str:
    """Run a tool and return what it said; where it fails, end with the last lines of that."""
    done = subprocess.run([sys.executable, str(TOOLS / f'{name}.py'), *arguments], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, close_fds=False)  # it holds the turn as well
    if done.returncode:
        raise FailedRun('\n'.join([*done.stdout.splitlines()[-15:], f'error: {name}.py {" ".join(arguments)} failed']))
    return done.stdout


def config_with(config: Path, options: Sequence[str]) -> Config:
    """Return a config with what ``--cfg-options`` change in it."""
    parser = argparse.ArgumentParser()
    parser.add_argument('--cfg-options', nargs='+', action=ConfigOptions, default={})
    cfg = Config.fromfile(config)
    cfg.merge_from_dict(parser.parse_args(cfg_options(options)).cfg_options)
    return cfg


def cfg_options(options: Sequence[str]) -> list[str]:
    """Return the options as arguments of a tool."""
    return ['--cfg-options', *options] if options else []


def figure(values: Sequence[float], digits: int = 3) -> str:
    """Return mean and standard deviation, nothing of no values."""
    if not values:
        return ''
    # NumPy's, which take NaN: what is not annotated in one of the runs has no figure.
    return f'{np.mean(values):.{digits}f}' + (f' +- {np.std(values, ddof=1):.{digits}f}' if len(values) > 1 else '')
