"""What the documents name is there: files, links, and the options of commands."""
import os
import re
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [*sorted(ROOT.glob('*.md')), *sorted(ROOT.glob('docs/en/**/*.md')),
             *sorted(ROOT.glob('configs/*/README.md')), *sorted(ROOT.glob('projects/*/README.md'))]
# What only includes another file, which is looked at itself.
DOCUMENTS = [path for path in DOCUMENTS if '{include}' not in path.read_text()]
PATH = re.compile(
    r'\b(?:configs|tools|docs|projects|tests|benchmarks|mmfusenas|requirements)/[\w./-]+\.(?:py|md|sh|txt)\b')


@pytest.mark.parametrize('document', DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_exist(document: Path) -> None:
    text = document.read_text()
    links = re.findall(r'\]\(([^)#]+?)(?:#[^)]*)?\)', text)
    targets = {document.parent / link for link in links if not link.startswith('http') and not link.endswith('.png')}
    # A path in text is from the repository's root, or from the document's folder.
    targets |= {ROOT / path if (ROOT / path).exists() else document.parent / path for path in PATH.findall(text)}
    assert targets and [str(path) for path in targets if not path.exists()] == []


def anchors(document: Path) -> set[str]:
    """The anchors of its headings, as GitHub and the site make them."""
    headings = re.findall(r'^#+ (.*)', re.sub(r'```.*?```', '', document.read_text(), flags=re.S), re.M)
    return {re.sub(r'[^\w\- ]', '', heading.lower()).replace(' ', '-') for heading in headings}


@pytest.mark.parametrize('document', DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_anchors_exist(document: Path) -> None:
    links = re.findall(r'\]\(([^):]*\.md|)#([^)]+)\)', document.read_text())
    assert [link for link in links if link[1] not in anchors(document.parent / link[0] if link[0] else document)] == []


def is_option(option: str, source: str) -> bool:
    """Whether a script adds an option: by its name, or as one of several ``--{name}-options``."""
    of_part = option.removesuffix('-options').removeprefix('--')
    return f"'{option}'" in source or ("'--{name}-options'" in source and f"'{of_part}'" in source)


@pytest.mark.parametrize('document', DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_options_exist(document: Path) -> None:
    commands = re.sub(r'\\\n\s*', '', document.read_text()).splitlines()
    for line in commands:
        for tool, rest in re.findall(r'(tools/[\w/]+\.py|benchmarks/\w+\.py)([^`\n]*)', line):
            source = (ROOT / tool).read_text()
            if '_options(parser' in source:
                source += ''.join((ROOT / f'mmfusenas/utils/{name}.py').read_text()
                                  for name in ('command_line', 'camera_options') if name in source)
            options = re.findall(r'(?<=\s)--[\w-]+', rest)
            assert [option for option in options if not is_option(option, source)] == [], line


def test_the_config_of_the_readme_builds(tmp_path: Path) -> None:
    pytest.importorskip('mmdet')
    from mmfusenas.apis.loading import build_model
    from mmfusenas.utils.command_line import load_config
    code, = re.findall(r'```python\n(_base_ = .*?)```', (ROOT / 'README.md').read_text(), re.S)
    (tmp_path / 'mine.py').write_text(code)
    config = load_config(str(tmp_path / 'mine.py'))
    assert config.train_cfg.type.endswith('TrainLoop')
    assert build_model(config.model, 'README').task.bbox_head.num_classes == 5


def test_the_examples_of_results_and_of_many_images_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip('mmdet')
    text = (ROOT / 'docs/en/inference.md').read_text()
    for name in ('scene_vi', 'scene_ir', 'vi/001', 'ir/001', 'dark/a'):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        image = np.random.default_rng(len(name)).integers(0, 255, (48, 64, 3), np.uint8)
        cv2.imwrite(str(tmp_path / f'{name}.png'), image)
    monkeypatch.chdir(tmp_path)
    for heading in ('The result', 'Many images'):
        code = re.search(rf'## {heading}\n.*?```python\n(.*?)```', text, re.S)[1]
        exec(code, {})
    written = ('found.png', 'fused/images/001.png', 'fused/predictions.json', 'bright/images/a.png')
    assert all((tmp_path / file).is_file() for file in written)


@pytest.mark.parametrize('system', ['tim', 'ruas', 'dcnas', 'hadamard', 'hyperguidance'])
def test_a_system_is_read_in_six_files(system: str) -> None:
    text = (ROOT / f'configs/{system}/README.md').read_text()
    section = re.search(r'## The files to read\n(.*?)\n## ', text, re.S)[1]
    assert 4 <= len(set(re.findall(r'\w+\.py', section))) <= 6


def test_a_fusion_network_from_the_guide_trains_for_a_detector(tmp_path: Path) -> None:
    # As a reader would type it: two files, then two iterations of the training, the second one after the stage 'scene'.
    module, config = re.findall(r'```python\n# my_\w+\.py\n(.*?)```', (ROOT / 'docs/en/extend.md').read_text(), re.S)
    (tmp_path / 'my_fusion.py').write_text(module)
    (tmp_path / 'my_retinanet.py').write_text(config.replace("'configs/", f"'{ROOT}/configs/"))
    options = ['train_dataloader.dataset.length=2', 'train_dataloader.dataset.size=(64,80)',
               'train_dataloader.batch_size=1', 'train_dataloader.num_workers=0',
               'train_dataloader.persistent_workers=False', 'train_cfg.max_epochs=2', 'train_cfg.val_interval=9',
               'default_hooks.guidance.scene_length=1', 'default_hooks.guidance.task_length=0',
               'default_hooks.logger.interval=1', 'work_dir=work']
    run = subprocess.run(
        [sys.executable, str(ROOT / 'tools/train.py'), 'my_retinanet.py', '--cfg-options', *options], cwd=tmp_path,
        capture_output=True, text=True, env=dict(os.environ, PYTHONPATH=f'{ROOT}:{tmp_path}'))
    assert run.returncode == 0, run.stderr[-2000:]
    log = run.stdout + run.stderr
    assert re.search(r'Epoch\(train\) +\[1\]\[1/2\].*scene\.\w*loss', log)
    assert re.search(r'Epoch\(train\) +\[2\]\[2/2\].*loss_cls', log)


def test_the_tests_that_the_security_page_names_are_there() -> None:
    page = (ROOT / 'docs/en/security.md').read_text().partition('## Fuzzing')[0]
    rows = re.findall(r'^\| .*$', page, re.M)[1:]
    tests = '\n'.join(file.read_text() for file in (ROOT / 'tests').rglob('test_*.py'))
    for row in rows:
        named = re.findall(r'`(test_\w+)`', row)
        assert named and [name for name in named if f'def {name}(' not in tests] == [], row
