"""List what is wrong with the data sets of a config, before a long run finds it.

Reads every image, pair and reference of the train, search, validation and test sets and reports: files without a
partner, unreadable or constant images, pairs and references of different size, images of more than 8 bit, infrared
images in colour, malformed boxes and boxes outside the image, tiny and repeated boxes, classes without a box,
segmentation maps of another size or with numbers of no class, images or neighbouring video frames on both sides of
the split. Errors stop a training; warnings are worth a look. Exits with 1 where there is an error.
"""
from __future__ import annotations

import argparse
import json
import os
import sys
import textwrap
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import cv2
from mmengine.registry import init_default_scope
from rich.progress import track
from terminaltables import AsciiTable

from mmfusenas.core.files import write_text
from mmfusenas.datasets.checks import check_classes, check_pair, check_same_images, check_same_videos
from mmfusenas.datasets.leaves import dataset_leaves, is_drawn, resizes_pairs, scan
from mmfusenas.datasets.problems import Problem, group_problems
from mmfusenas.utils.command_line import ConfigOptions, output_file, read_config, run_tool

TRAINED = ('train', 'search')

DRAWN = 100
"""So many scenes of a built-in set are looked at: they are drawn, and there are no files to be wrong."""


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog='Example: MSRS_ROOT=data/msrs python tools/analysis_tools/check_dataset.py '
        'configs/_base_/datasets/msrs_det.py')
    parser.add_argument('config', help='config of a training, or one of configs/_base_/datasets')
    parser.add_argument('--json', nargs='?', const='-', metavar='FILE',
                        help='write every case as JSON, to FILE or (without one) instead of the tables')
    parser.add_argument('--gap', type=int, default=10, help='frame numbers that count as neighbours (default: 10)')
    parser.add_argument('--workers', type=int, default=os.cpu_count(), help='threads that read (default: all cores)')
    parser.add_argument('--cfg-options', nargs='+', action=ConfigOptions, help='settings of the config to override')
    return parser.parse_args(argv)


def check_set(name: str, config: dict, workers: int, quiet: bool) -> dict:
    """Check one data set; ``digests`` and ``paths`` serve the comparison with the others."""
    infos, problems, classes = scan(config, limit=DRAWN)
    check = partial(check_pair, sizes_may_differ=resizes_pairs(config), classes=classes)
    with ThreadPoolExecutor(workers) as pool:
        facts = list(track(pool.map(check, infos), f'Reading {name}', total=len(infos), disable=quiet))
    # What the data set itself finds comes up at its images again.
    problems = list(dict.fromkeys([*problems, *(problem for fact in facts for problem in fact.problems)]))
    counts: Counter = Counter()
    if classes and any(fact.labels is not None for fact in facts):
        counts, unused = check_classes((label for fact in facts for label in fact.labels or ()), classes, name)
        problems += unused
    return dict(
        name=name, type=config['type'], pairs=len(infos), boxes=dict(counts), problems=problems,
        sizes=Counter('{1} x {0}'.format(*fact.size) for fact in facts if fact.size),
        depths=Counter(' + '.join(fact.depths) for fact in facts if fact.size),
        sensors=next((fact.sensors for fact in facts if fact.size), ()),
        digests={fact.digest: fact.path for fact in facts if fact.size},
        # Numbers of drawn scenes are no frames of a video.
        paths=[] if is_drawn(infos) else [fact.path for fact in facts])


def compare_sets(sets: list[dict], gap: int) -> list[Problem]:
    """Look for what is in the training set and in one that is scored."""
    problems = []
    for train in sets:
        for test in sets:
            if train['name'].startswith(TRAINED) and not test['name'].startswith(TRAINED):
                names = train['name'], test['name']
                problems += check_same_images(train['digests'], test['digests'], names)
                # Numbers say something only within one folder tree: other sets count from 0 as well.
                if train['type'] == test['type']:
                    problems += check_same_videos(train['paths'], test['paths'], names, gap)
    return problems


def show(found: dict) -> None:
    """Print one data set, and its problems as a table."""
    sensors = ' + '.join(found['sensors'])
    kind = 'pairs' if 'infrared' in sensors or 'target' in sensors or not sensors else 'images'
    facts = [f'{found["name"]}: {found["type"]}, {found["pairs"]} {kind}']
    facts += [f'{size} ({count})' for size, count in found['sizes'].most_common(3)]
    facts += [f'{sensors} {depth} ({count})' for depth, count in found['depths'].items()]
    facts += [f'{name}: {count} boxes' for name, count in found['boxes'].items()]
    print('\n' + '; '.join(facts))
    show_problems(found['problems'])


def show_problems(problems: list[Problem]) -> None:
    """Print problems as a table, a line for each kind with its first case."""
    groups = group_problems(problems).items()
    rows = [
        [level, kind, len(cases), '\n'.join([cases[0].where, *textwrap.wrap(cases[0].message, 90)])]
        for (level, kind), cases in groups
    ]
    print(AsciiTable([['', 'what', 'cases', 'the first'], *rows]).table if rows else 'nothing is wrong')


def to_json(sets: list[dict], across: list[Problem]) -> dict:
    """Return everything as plain data."""
    kept = ('name', 'type', 'pairs', 'boxes', 'sizes', 'depths')
    return dict(
        datasets=[{**{key: s[key] for key in kept}, 'problems': [p._asdict() for p in s['problems']]} for s in sets],
        across=[problem._asdict() for problem in across])


def main(argv: list[str] | None = None) -> int:
    """Check the data sets of a config; return 1 where there is an error."""
    args = parse_args(argv)
    if args.json and args.json != '-':
        output_file(args.json, args.config)
    cv2.setNumThreads(1)
    config = read_config(args.config, args.cfg_options)
    init_default_scope(config.get('default_scope', 'mmfusenas'))
    leaves = dataset_leaves(config)
    if not leaves:
        print(f'{args.config} has no train_dataloader, val_dataloader or test_dataloader.', file=sys.stderr)
        return 1
    sets = [check_set(name, leaf, args.workers, args.json == '-') for name, leaf in leaves.items()]
    across = compare_sets(sets, args.gap)
    errors = [problem for found in sets for problem in found['problems'] if problem.level == 'error']
    errors += [problem for problem in across if problem.level == 'error']
    if args.json:
        text = json.dumps(to_json(sets, across), indent=2)
        print(text) if args.json == '-' else write_text(args.json, text + '\n')
    if args.json != '-':
        for found in sets:
            show(found)
        if across:
            print('\nBetween the sets:')
            show_problems(across)
        following = 'Correct the errors and run this again.' if errors else (
            f'Look at them: python tools/analysis_tools/browse_dataset.py {args.config} --out-dir browse')
        print(f'\n{len(errors)} errors. {following}')
    return 1 if errors else 0


if __name__ == '__main__':
    run_tool(lambda: sys.exit(main()))
