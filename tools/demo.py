"""What ``make demo`` runs: train the task-guided detector and one that sees only the visible image, and compare.

Both train on built-in scenes for the same number of iterations, side by side, which keeps two cores busier than one
after the other, and are tested on scenes that neither has seen.
"""
import argparse
import json
import re
import shutil
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from progress import StepError, duration, run
from terminaltables import AsciiTable

DEMO = Path('work_dirs/demo')
CONFIG = 'configs/tim/retinanet_ivif_demo.py'
RUNS = {
    'visible alone': ('visible', [
        'model.scene._delete_=True', 'model.scene.type=FixedFusion', 'model.scene.rule=visible',
        'default_hooks.guidance.final_stage=task']),  # there is nothing to guide
    'visible + infrared, fused': ('fused', []),
}
IMAGES = 'default_hooks.visualization.num_samples=16'


def note(line: str) -> str:
    """Return what is worth showing of a line of a training's or test's log."""
    found = re.search(r'Epoch\(\w+\) .*?\[\s*(\d+)/\s*(\d+)\].*?eta: ([\d:]+)', line)
    return f': {found[1]} of {found[2]} iterations, {found[3]} left' if found else ''


def tool(name: str, work_dir: Path, title: str, *arguments: str | Path, options: Sequence[str]) -> None:
    """Run a tool on the demo's config, its output into the demo's log."""
    changes = ['--cfg-options', *options] if options else []
    command = [sys.executable, f'tools/{name}.py', CONFIG, *map(str, arguments), '--work-dir', str(work_dir), *changes]
    run(command, title, note, log_file=DEMO / f'{work_dir.name}.txt')


def train_and_test(title: str) -> list[str]:
    """Train what the detector sees and test it; return its row of the table."""
    name, options = RUNS[title]
    work_dir = DEMO / name
    tool('train', work_dir, f'training: {title}', options=options)
    checkpoint = work_dir / (work_dir / 'last_checkpoint').read_text().strip().split('/')[-1]
    out = work_dir / 'metrics.json'
    tool('test', work_dir, f'testing: {title}', checkpoint, '--out', out, options=[IMAGES, *options])
    collect_images(work_dir)
    scores = json.loads(out.read_text())
    return [title, *(f'{scores[name]:.3f}' for name in ('coco/bbox_mAP', 'coco/bbox_mAP_50', 'night/bbox_mAP_50'))]


def collect_images(work_dir: Path) -> None:
    """Copy what the test has drawn to where a person looks first."""
    folder = DEMO / 'images' / work_dir.name
    folder.mkdir(parents=True)
    for image in work_dir.glob('*/vis_data/vis_image/test_*.png'):
        shutil.copy(image, folder)


def main() -> None:
    """Run the demo and print its table."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    start = time.monotonic()
    shutil.rmtree(DEMO, ignore_errors=True)
    DEMO.mkdir(parents=True)
    with ThreadPoolExecutor() as lanes:
        rows = list(lanes.map(train_and_test, RUNS))
    table = AsciiTable([['detector sees', 'mAP', 'mAP@0.5', 'mAP@0.5 at night'], *rows])
    print(f'\n{table.table}\n')
    print('Held-out scenes of normal difficulty, after the same number of training iterations.')
    print(f'Took {duration(time.monotonic() - start)}.')
    print(f'Images (visible, infrared, fused with boxes): {DEMO / "images" / "fused"}')
    print('\nnext, the same in full:\n  python tools/train.py configs/tim/retinanet_ivif.py')


if __name__ == '__main__':
    try:
        main()
    except StepError as error:
        sys.exit(f'error: {error}')
    except KeyboardInterrupt:
        sys.exit('\ndemo interrupted; `make demo` starts it again')
