"""Running long commands with a line of progress, while their full output goes to a log file.

For the set-up and the demo; only the standard library, readable by Python 3.6 (see setup_env.py).
"""
import os
import queue
import subprocess
import sys
import threading
import time
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
STACK = os.environ.get('STACK') or 'openmmlab'
SUFFIX = '' if STACK == 'openmmlab' else f'-{STACK}'
STATE = CHECKOUT / 'build' / f'setup_env{SUFFIX}'
LOG = STATE / 'log.txt'


class StepError(Exception):
    """Something that the person at the keyboard has to put right."""


def say(text: str) -> None:
    """Print one line for people; stdout is kept for the path of the Python."""
    print(text, file=sys.stderr, flush=True)


def duration(seconds: float) -> str:
    """Return seconds as people say them: ``1 min 20 s``."""
    minutes, seconds = divmod(int(seconds), 60)
    return f'{minutes} min {seconds} s' if minutes else f'{seconds} s'


class Progress:
    """One line, written over on a terminal; a line every 20 seconds elsewhere, and where several go on at once."""

    going_on = []

    def __init__(self, title: str):
        self.title, self.note = title, ''
        self.start = self.shown = time.monotonic()
        self.going_on.append(self)

    def __str__(self) -> str:
        return f'{self.title}{self.note}, {duration(time.monotonic() - self.start)}'

    def tick(self) -> None:
        """Show where it stands, if it is time."""
        if sys.stderr.isatty() and self.going_on == [self]:
            sys.stderr.write(f'\r\033[K{self}')
            sys.stderr.flush()
        elif time.monotonic() - self.shown >= 20:
            self.shown = time.monotonic()
            say(str(self))

    def end(self, result: str) -> None:
        """Leave a last line."""
        self.going_on.remove(self)
        sys.stderr.write('\r\033[K' if sys.stderr.isatty() else '')
        self.note = ''
        say(f'{self}: {result}')


def run(command: list, title: str, note=lambda line: '', env: dict = None, log_file: Path = LOG) -> None:
    """Run a command in the checkout, its output into the log.

    Args:
        command: Program and arguments.
        title: What it does, shown while it runs.
        note: From a line of output to what is shown behind the title; '' leaves the former note.
        env: Variables that are set besides the environment's own.
        log_file: Where the output is added.

    Raises:
        StepError: It failed; the message ends with the last lines of its output.
    """
    progress, lines, tail = Progress(title), queue.Queue(), []
    process = subprocess.Popen(
        command, cwd=str(CHECKOUT), env=dict(os.environ, **(env or {})), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True, errors='replace')
    reader = threading.Thread(target=lambda: [lines.put(line) for line in process.stdout], daemon=True)
    reader.start()
    with log_file.open('a') as log:
        log.write(f'\n$ {" ".join(command)}\n')
        while reader.is_alive() or not lines.empty():
            progress.tick()
            try:
                line = lines.get(timeout=1)
            except queue.Empty:
                continue
            log.write(line)
            tail = tail[-14:] + [line[:300].rstrip()]
            progress.note = note(line) or progress.note
    if process.wait() == 0:
        return progress.end('done')
    progress.end('failed')
    raise StepError('{} failed. The end of its output (all of it: {}):\n\n  {}\n'.format(
        title, log_file, '\n  '.join(tail)))


def pip(python: str, title: str, *arguments: str) -> None:
    """Run ``pip install`` with the given arguments."""

    def note(line: str) -> str:
        if line.startswith('Installing collected packages'):
            return ': unpacking'
        words = line.split()[:2]
        if words[:1] not in (['Collecting'], ['Downloading']):
            return ''
        return f': {words[0].lower()} {words[1].split("-")[0]}'

    command = [python, '-m', 'pip', 'install', '--disable-pip-version-check', *arguments]
    run(command, title, note)


def imports(python: str, *modules: str) -> str:
    """Return why ``modules`` do not import under ``python``, '' where they do."""
    result = subprocess.run(
        [python, '-c', 'import ' + ', '.join(modules)], cwd='/', stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    error = result.stderr.decode(errors='replace').strip()
    if result.returncode == 0:
        return ''
    if 'libGL' in error or 'libgthread' in error:
        return error.splitlines()[-1] + (
            '. OpenCV needs system libraries: on Debian and Ubuntu, `apt install libgl1 libglib2.0-0`.')
    return error.splitlines()[-1] if error else f'exit status {result.returncode}'
