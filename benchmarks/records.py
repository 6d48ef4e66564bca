"""Keep what the runs of a benchmark found, without their weights: enough for its tables and figures.

    python benchmarks/records.py work_dirs/strategies                       # to benchmarks/records/strategies
    mkdir -p work_dirs && cp -r benchmarks/records/strategies work_dirs/
    python benchmarks/search_strategies.py                                  # the table again

Kept of every run: that it is done and with which options, its metrics, the genotype that it found, its curves.
"""
import argparse
import json
import math
import shutil
from pathlib import Path

from runs import scalars

KEPT = ('done', 'metrics*.json', 'genotype.json', 'search.json', 'latency_*.json')
MOST = 60
"""Epochs that are kept of the history of a search."""
CURVES = ('step', 'loss', 'search_best', 'search_top')


def main() -> None:
    args = parse_args()
    target = args.out / args.work_dir.name
    for pattern in KEPT:
        for file in sorted(args.work_dir.rglob(pattern)):
            place = target / file.relative_to(args.work_dir)
            place.parent.mkdir(parents=True, exist_ok=True)
            if file.name == 'search.json':
                place.write_text(json.dumps(thinned(json.loads(file.read_text()))))  # on one line: it is long
            else:
                shutil.copyfile(file, place)
    for done in sorted(args.work_dir.rglob('done')):
        source, place = done.parent, target / done.parent.relative_to(args.work_dir)
        # The name alone: the folder is another one where the records are used.
        (place / 'last_checkpoint').write_text(Path((source / 'last_checkpoint').read_text().strip()).name)
        keep_curves(source, place)
    files = [file for file in target.rglob('*') if file.is_file()]
    print(f'{target}: {len(files)} files, {sum(file.stat().st_size for file in files) / 1e6:.1f} MB')


def thinned(history: dict) -> dict:
    """Return the history of a search with at most ``MOST`` epochs, at equal distances, the last among them."""
    step = max(1, math.ceil(len(history['epochs']) / MOST))
    return dict(history, epochs=history['epochs'][::-step][::-1])


def keep_curves(source: Path, target: Path) -> None:
    """Keep what is drawn of every logged step of a search."""
    lines = [{name: line[name] if name == 'step' else float(f'{line[name]:.6g}') for name in CURVES if name in line}
             for line in scalars(source)]
    lines = [line for line in lines if len(line) > 1]
    if (source / 'search.json').is_file() and lines:
        place = target / 'kept/vis_data/scalars.json'
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(''.join(f'{json.dumps(line)}\n' for line in lines))


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('work_dir', type=Path, metavar='WORK_DIR', help='folder of a benchmark')
    parser.add_argument('--out', type=Path, default=Path('benchmarks/records'), help='default: %(default)s')
    return parser.parse_args()


if __name__ == '__main__':
    main()
