"""What ``make demo`` runs: train the task-guided detector and one that sees only the visible picture, and compare.

Both train on built-in scenes for the same number of iterations, side by side, which keeps two cores busier than one
after the other, and are tested on scenes that neither has seen.
"""
import argparse
import json
import re
import shutil
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from progress import StepError, duration, run
from terminaltables import AsciiTable

DEMO = Path('work_dirs/demo')
RUNS = {
    'visible alone': 'configs/tim/retinanet_visible_demo.py',
    'visible + infrared, fused': 'configs/tim/retinanet_ivif_demo.py',
}
PICTURES = 'default_hooks.visualization.num_samples=16'


def note(line: str) -> str:
    """Return what is worth showing of a line of a training's or test's log."""
    found = re.search(r'Epoch\(\w+\) .*?\[\s*(\d+)/\s*(\d+)\].*?eta: ([\d:]+)', line)
    return f': {found[1]} of {found[2]} iterations, {found[3]} left' if found else ''


def tool(name: str, config: str, title: str, *arguments: str | Path) -> None:
    """Run a tool on a config, its output into the demo's log."""
    work_dir = DEMO / Path(config).stem
    command = [sys.executable, f'tools/{name}.py', config, *map(str, arguments), '--work-dir', str(work_dir)]
    run(command, title, note, log_file=DEMO / f'{work_dir.name}.txt')


def train_and_test(title: str, config: str) -> list[str]:
    """Train a config and test it; return its row of the table."""
    work_dir = DEMO / Path(config).stem
    tool('train', config, f'training: {title}')
    checkpoint = work_dir / (work_dir / 'last_checkpoint').read_text().strip().split('/')[-1]
    out = work_dir / 'metrics.json'
    tool('test', config, f'testing: {title}', checkpoint, '--out', out, '--cfg-options', PICTURES)
    collect_pictures(work_dir)
    scores = json.loads(out.read_text())
    return [title, *(f'{scores[name]:.3f}' for name in ('coco/bbox_mAP', 'coco/bbox_mAP_50', 'night/bbox_mAP_50'))]


def collect_pictures(work_dir: Path) -> None:
    """Copy what the test has drawn to where a person looks first."""
    folder = DEMO / 'pictures' / work_dir.name
    folder.mkdir(parents=True)
    for picture in work_dir.glob('*/vis_data/vis_image/test_*.png'):
        shutil.copy(picture, folder)


def main() -> None:
    """Run the demo and print its table."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    start = time.monotonic()
    shutil.rmtree(DEMO, ignore_errors=True)
    DEMO.mkdir(parents=True)
    with ThreadPoolExecutor() as lanes:
        rows = list(lanes.map(train_and_test, RUNS, RUNS.values()))
    table = AsciiTable([['detector sees', 'mAP', 'mAP@0.5', 'mAP@0.5 at night'], *rows])
    print(f'\n{table.table}\n')
    print('Held-out scenes of normal difficulty, after the same number of training iterations.')
    print(f'Took {duration(time.monotonic() - start)}.')
    print(f'Pictures (visible, infrared, fused with boxes): {DEMO / "pictures" / "retinanet_ivif_demo"}')
    print('\nnext, the same in full:\n  python tools/train.py configs/tim/retinanet_ivif.py')


if __name__ == '__main__':
    try:
        main()
    except StepError as error:
        sys.exit(f'error: {error}')
    except KeyboardInterrupt:
        sys.exit('\ndemo interrupted; `make demo` starts it again')
