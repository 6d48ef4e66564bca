"""Keep what the runs of a benchmark found, without their weights, in one file; or make its work dir of that file again.

    python benchmarks/records.py work_dirs/strategies                # to benchmarks/records/strategies.json
    python benchmarks/records.py benchmarks/records/strategies.json  # to work_dirs/strategies
    python benchmarks/search_strategies.py                           # the table again, without training

A record is a JSON object with one run a line: folder of the run -> name of a file in it -> content of that file.

    done               config and options of the training, as a list; only runs that ended have it
    last_checkpoint    name of the last checkpoint
    metrics*.json      what a test gave; options of the test are part of the name
    genotype.json      what was found or drawn
    search.json        history of a search: its last epoch only
    scalars.json       what a search logged: curve -> step -> value, of loss, search_best and search_top

Runs that are in the record and not in the work dir stay in the record. Tables of latencies (latency_*.json) stay files,
because configs read them: benchmarks/records/NAME/.
"""
import argparse
import json
import shutil
import sys
from collections import defaultdict
from collections.abc import Mapping
from fnmatch import fnmatch
from pathlib import Path

from runs import scalars

from mmfusenas.utils.command_line import run_tool

RESULTS = ('genotype.json', 'metrics*.json', 'search.json')
KEPT = ('done', 'last_checkpoint', 'scalars.json', *RESULTS)
CURVES = ('loss', 'search_best', 'search_top')
TABLES = 'latency_*.json'


def main() -> None:
    args = parse_args()
    if args.place.is_file():
        target = restore(args.place, args.out or Path('work_dirs'))
    elif args.place.is_dir():
        target = keep(args.place, args.out or Path('benchmarks/records'))
    else:
        sys.exit(f'error: {args.place} is neither a work dir nor a record. Records: benchmarks/records/*.json')
    print(f'written: {target}')


def keep(work_dir: Path, out: Path) -> Path:
    """Write the record of a work dir, and its tables of latencies beside it; return the record."""
    target = out / f'{work_dir.name}.json'
    runs = read(target) if target.is_file() else {}
    for folder in [work_dir, *work_dir.rglob('*')]:
        if folder.is_dir() and (run := record_of(folder)):
            runs[folder.relative_to(work_dir).as_posix()] = run
    if not runs:
        sys.exit(f'error: {work_dir} holds nothing to keep: none of {", ".join(("done", *RESULTS))} in any folder.')
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text_of(runs))
    copy_tables(work_dir, out / work_dir.name)
    return target


def record_of(folder: Path) -> dict:
    """Return what is kept of the folder of a run: content by name of the file, nothing of other folders."""
    run = {}
    if (folder / 'done').is_file():
        run['done'] = (folder / 'done').read_text().split('\n')
        # The name alone: the folder is another one where the record is used.
        run['last_checkpoint'] = Path((folder / 'last_checkpoint').read_text().strip()).name
    for pattern in RESULTS:
        run.update({file.name: json.loads(file.read_text()) for file in sorted(folder.glob(pattern))})
    if 'search.json' in run:
        run['search.json']['epochs'] = run['search.json']['epochs'][-1:]
    curves = defaultdict(dict)
    for line in scalars(folder) if 'genotype.json' in run else []:
        for name in CURVES:
            if name in line:
                curves[name][str(line['step'])] = float(f'{line[name]:.6g}')
    return {**run, 'scalars.json': dict(curves)} if curves else run


def text_of(runs: Mapping[str, dict]) -> str:
    """Return the text of a record: a run a line, the folders in order; within a run the order is that of the files."""
    lines = [f'{json.dumps(name)}: {json.dumps(runs[name])}' for name in sorted(runs)]
    return '{\n' + ',\n'.join(lines) + '\n}\n'


def read(file: Path) -> dict[str, dict]:
    """Return the runs of a record by folder; end where the file is none."""
    try:
        runs = json.loads(file.read_text())
        strange = [name for run in runs.values() for name in run if not any(fnmatch(name, kept) for kept in KEPT)]
    except (ValueError, AttributeError, TypeError) as error:
        sys.exit(f'error: {file} is no record of runs ({error}). Records: benchmarks/records/*.json')
    if strange:
        sys.exit(f'error: {file} is no record of runs: it has {strange[0]!r}, and a run has {", ".join(KEPT)}.')
    return runs


def restore(file: Path, out: Path) -> Path:
    """Make the work dir of a record, with the files that the benchmarks read; return it."""
    target = out / file.stem
    if target.exists():
        sys.exit(f'error: {target} is there already. Remove or rename it first, or give another --out.')
    for name, run in read(file).items():
        folder = target / name
        folder.mkdir(parents=True, exist_ok=True)
        for kept, content in run.items():
            if kept == 'scalars.json':
                write_curves(content, folder / 'kept/vis_data/scalars.json')
            elif kept == 'done':
                (folder / kept).write_text('\n'.join(content))
            else:
                (folder / kept).write_text(content if kept == 'last_checkpoint' else json.dumps(content, indent=1))
    copy_tables(file.with_suffix(''), target)
    return target


def write_curves(curves: Mapping[str, Mapping[str, float]], file: Path) -> None:
    """Write curves as a training logs them: an object a line, a line a step."""
    lines = defaultdict(dict)
    for name, curve in curves.items():
        for step, value in curve.items():
            lines[int(step)][name] = value
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(''.join(f'{json.dumps(dict(step=step, **lines[step]))}\n' for step in sorted(lines)))


def copy_tables(source: Path, target: Path) -> None:
    """Copy the tables of latencies of a folder."""
    for file in source.glob(TABLES):
        target.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target / file.name)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('place', type=Path, metavar='WORK_DIR|RECORD',
                        help='folder of a benchmark, which is kept, or a record, which is made a folder again')
    parser.add_argument('--out', type=Path, metavar='DIR',
                        help='where the record goes (default: benchmarks/records), or the folder (default: work_dirs)')
    return parser.parse_args()


if __name__ == '__main__':
    run_tool(main)
