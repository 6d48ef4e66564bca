"""The web demo and the page of a search, driven in a browser."""
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace

import cv2
import numpy as np
import pytest

from mmfusenas.apis import EnhanceInferencer, FusionInferencer

pytest.importorskip('mmdet', reason='the demo has a detector')
gradio = pytest.importorskip('gradio', reason='pip install gradio')
playwright = pytest.importorskip('playwright.sync_api', reason='pip install playwright')
CHROMIUM = shutil.which('chromium') or shutil.which('google-chrome')

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not CHROMIUM, reason='there is no Chromium')]

MEAN = """async image => {
    await image.decode()
    const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight), context = canvas.getContext('2d')
    context.drawImage(image, 0, 0)
    const values = context.getImageData(0, 0, canvas.width, canvas.height).data
    return values.reduce((sum, value) => sum + value, 0) / values.length * 4 / 3 - 85
}"""
"""Mean of the colours of an image in the page, in grey levels; the fourth value of a pixel is 255."""
WAIT = 60_000
"""Milliseconds in which a network is built and runs."""


@pytest.fixture(scope='module')
def app(root: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location('web_demo', root / 'projects/web_demo/app.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope='module')
def address(app: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    work_dir = tmp_path_factory.mktemp('demo')
    page = app.build(work_dir)
    _, url, _ = page.launch(prevent_thread_lock=True, quiet=True, allowed_paths=[str(work_dir)])
    yield url
    page.close()


@pytest.fixture
def page() -> Iterator:
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=['--no-sandbox'])
        tab = browser.new_page(viewport=dict(width=1280, height=1180))
        tab.set_default_timeout(WAIT)
        yield tab
        browser.close()


def choose(page, label: str, value: str) -> None:
    box = page.get_by_label(label).locator('visible=true').first
    box.click()
    page.get_by_role('option', name=value, exact=True).click()


def choose_example(page, images: int) -> None:
    page.locator('table tbody tr, button.gallery-item').locator('visible=true').first.click()
    page.wait_for_function(  # until the inputs show them
        'count => [...document.querySelectorAll(\'[data-testid="image"] img\')]'
        '.filter(image => image.offsetWidth).length == count', arg=images)


def release_at(page, label: str, share: float) -> float:
    """Move a slider with the mouse; return its new value."""
    slider = page.get_by_label(f'range slider for {label}').locator('visible=true')
    box = slider.bounding_box()
    slider.click(position=dict(x=share * box['width'], y=box['height'] / 2))
    return float(slider.input_value())


def shown_numbers(page) -> list[tuple[str, float]]:
    text = page.get_by_test_id('json').inner_text()
    return [(name, float(value)) for name, value in re.findall(r'"([^"]+)"\s*:\s*([\d.]+)', text)]


def screenshot(page, name: str) -> None:
    if os.environ.get('SCREENSHOTS'):
        page.screenshot(path=Path(os.environ['SCREENSHOTS'], name), quality=80)


def fuse_example(page, address: str, score_thr: str) -> None:
    page.goto(address)
    choose(page, 'network', 'tim-retinanet-msrs')
    choose_example(page, 2)
    page.get_by_label('number input for lowest score of a detection').locator('visible=true').first.fill(score_thr)
    page.get_by_role('button', name='Fuse', exact=True).click()
    page.get_by_text('"found"').wait_for()


def test_an_example_is_fused_and_a_person_found(address: str, page) -> None:
    fuse_example(page, address, '0.2')
    playwright.expect(page.get_by_text('"person"').first).to_be_visible(timeout=WAIT)
    page.wait_for_function('[...document.images].filter(image => image.dataset.testid == "imageslider-image" && '
                           'image.complete).length == 2')  # before and after
    screenshot(page, 'web_demo.jpg')


def test_the_threshold_counts(address: str, page) -> None:
    fuse_example(page, address, '1')
    assert '"score"' not in page.content()


def test_a_raised_threshold_removes_boxes(address: str, page) -> None:
    fuse_example(page, address, '0.1')
    before = [score for name, score in shown_numbers(page) if name == 'score']
    lowest = release_at(page, 'lowest score of a detection', 0.26)
    kept = [score for score in before if score >= lowest]
    assert 0 < len(kept) < len(before)
    playwright.expect(page.get_by_text('"score"')).to_have_count(len(kept), timeout=WAIT)
    assert [score for name, score in shown_numbers(page) if name == 'score'] == kept


def test_masks_are_drawn_and_their_shares_given(app: ModuleType, address: str, page, tmp_path: Path) -> None:
    page.goto(address)
    choose(page, 'network', 'tim-segment-msrs')
    choose_example(page, 2)
    page.get_by_role('button', name='Fuse', exact=True).click()
    page.get_by_text('"background"').wait_for()
    drawn = page.locator('.block').filter(has_text='what was found').locator('.image-container img').evaluate(MEAN)
    infer = FusionInferencer('tim-segment-msrs')
    result = infer(*app.draw_examples(tmp_path)[0][0])
    assert abs(drawn - result.plot().mean()) < 2 and abs(drawn - result['image'].mean()) > 10
    shares = dict(shown_numbers(page))
    assert len(shares) > 1 and sum(shares.values()) == pytest.approx(1, abs=1e-3)
    for name, share in shares.items():
        expected = (result['mask'] == infer.dataset_meta['classes'].index(name)).mean()
        assert share == pytest.approx(expected, abs=1e-3)


def test_a_missing_image_is_named(address: str, page) -> None:
    page.goto(address)
    page.get_by_role('button', name='Fuse', exact=True).click()
    playwright.expect(page.get_by_text('Give both images of the pair').first).to_be_visible(timeout=WAIT)


def test_a_dark_image_is_brightened(address: str, page) -> None:
    page.goto(address)
    page.get_by_role('tab', name='Dark image').click()
    choose_example(page, 1)
    page.get_by_role('button', name='Brighten').click()
    images = page.get_by_test_id('imageslider-image').locator('visible=true')
    playwright.expect(images).to_have_count(2, timeout=WAIT)
    before, after = (images.nth(number).evaluate(MEAN) for number in range(2))
    assert abs(before - after) > 10  # whichever of the two is on top


def test_the_strength_slider_changes_the_enhanced_image(app: ModuleType, address: str, page, tmp_path: Path) -> None:
    page.goto(address)
    page.get_by_role('tab', name='Dark image').click()
    choose(page, 'network', 'ruas-lowlight')
    choose_example(page, 1)
    page.get_by_role('button', name='Brighten').click()
    images = page.get_by_test_id('imageslider-image').locator('visible=true')
    playwright.expect(images).to_have_count(2, timeout=WAIT)
    full = max(image.evaluate(MEAN) for image in images.all())  # the enhanced image is brighter than the dark one
    shown = images.evaluate_all('images => images.map(image => image.src)')
    strength = release_at(page, 'strength, of RUAS', 0.5)
    page.wait_for_function('shown => [...document.querySelectorAll(\'[data-testid="imageslider-image"]\')]'
                           '.some(image => image.offsetWidth && !shown.includes(image.src))', arg=shown)
    part = max(image.evaluate(MEAN) for image in images.all())
    dark = app.draw_examples(tmp_path)[1][0][0]
    assert 0.4 <= strength <= 0.6 and part < full - 10
    for mean, value in ((full, None), (part, strength)):
        assert abs(mean - EnhanceInferencer('ruas-lowlight', strength=value)(dark)['image'].mean()) < 2


def test_two_folders_are_uploaded_and_an_archive_downloaded(
        app: ModuleType, address: str, page, tmp_path: Path) -> None:
    pairs = app.draw_examples(tmp_path)[0][:2]
    page.goto(address)
    page.get_by_role('tab', name='Folders').click()
    choose(page, 'network', 'tim-retinanet-msrs')
    for number, files in enumerate(zip(*pairs, strict=True)):
        folder = tmp_path / f'upload{number}'
        folder.mkdir()
        for stem, file in enumerate(files):
            shutil.copy(file, folder / f'{stem}.png')
        page.locator('input[webkitdirectory]').nth(number).set_input_files(folder)
        playwright.expect(page.locator('a[download="1.png"]')).to_have_count(number + 1, timeout=WAIT)
    page.get_by_label('number input for lowest score of a detection').locator('visible=true').fill('0.2')
    page.get_by_role('button', name='Fuse all').click()
    with page.expect_download() as download:
        page.locator('a[download$=".zip"]').click()
    shutil.unpack_archive(download.value.path(), tmp_path / 'found', 'zip')
    predictions = json.loads((tmp_path / 'found/predictions.json').read_text())['images']
    images = page.locator('.gallery-item img').locator('visible=true')
    playwright.expect(images).to_have_count(2, timeout=WAIT)
    infer = FusionInferencer('tim-retinanet-msrs', score_thr=0.2)
    for number, (pair, prediction) in enumerate(zip(pairs, predictions, strict=True)):
        result = infer(*pair)
        assert prediction['stem'] == str(number)
        assert len(result['scores']) and np.allclose(prediction['scores'], result['scores'], atol=1e-3)
        assert abs(images.nth(number).evaluate(MEAN) - result.plot().mean()) < 2
        shown = page.request.get(images.nth(number).get_attribute('src')).body()  # a few boxes hardly change the mean
        assert shown == (tmp_path / f'found/drawn/{number}.png').read_bytes()


def test_folders_are_paired_and_returned_as_an_archive(app: ModuleType, tmp_path: Path) -> None:
    pairs, _ = app.draw_examples(tmp_path)
    for number, pair in enumerate(pairs[:2]):
        for sensor, file in zip(('vi', 'ir'), pair, strict=True):
            (tmp_path / f'upload{number}{sensor}').mkdir()  # as gradio keeps them
            shutil.copy(file, tmp_path / f'upload{number}{sensor}/{number}.png')
    uploads = [[str(tmp_path / f'upload{number}{sensor}/{number}.png') for number in range(2)]
               for sensor in ('vi', 'ir')]
    shown, archive = app.fuse_folders(tmp_path, 'tim-light', *uploads, 0.3)
    assert [Path(file).name for file in shown] == ['0.png', '1.png']
    shutil.unpack_archive(archive, tmp_path / 'found')
    assert (tmp_path / 'found/predictions.json').is_file()
    with pytest.raises(gradio.Error, match='Two files are named 0.png'):
        app.fuse_folders(tmp_path, 'tim-light', uploads[0] + uploads[0], uploads[1], 0.3)


def test_a_pair_that_cannot_be_used_costs_no_other(app: ModuleType, tmp_path: Path) -> None:
    pairs, _ = app.draw_examples(tmp_path)
    files = [[], []]
    for number, pair in enumerate(pairs[:2]):
        for sensor, file in enumerate(pair):
            (tmp_path / f'{number}{sensor}').mkdir()
            files[sensor].append(shutil.copy(file, tmp_path / f'{number}{sensor}/{number}.png'))
    Path(files[1][1]).write_bytes(Path(files[1][1]).read_bytes()[:2000])
    shown, archive = app.fuse_folders(tmp_path, 'tim-light', *files, 0.3)
    assert [Path(file).name for file in shown] == ['0.png'] and Path(archive).is_file()
    Path(files[1][0]).write_bytes(b'')
    with pytest.raises(gradio.Error):
        app.fuse_folders(tmp_path, 'tim-light', *files, 0.3)


def test_uploads_of_16_bit_keep_their_values(app: ModuleType, address: str, page, tmp_path: Path) -> None:
    (visible, infrared), *_ = app.draw_examples(tmp_path)[0]
    deep = str(tmp_path / 'deep.png')
    cv2.imwrite(deep, cv2.imread(infrared, cv2.IMREAD_UNCHANGED).astype(np.uint16) * 257)
    page.goto(address)
    choose(page, 'network', 'tim-light')
    for number, file in enumerate((visible, deep)):
        page.locator('input[type=file]').nth(number).set_input_files(file)
        page.wait_for_function(
            'count => [...document.querySelectorAll(\'[data-testid="image"] img\')]'
            '.filter(image => image.offsetWidth).length == count', arg=number + 1)
    page.get_by_role('button', name='Fuse', exact=True).click()
    images = page.get_by_test_id('imageslider-image').locator('visible=true')
    playwright.expect(images).to_have_count(2, timeout=WAIT)
    means = [images.nth(number).evaluate(MEAN) for number in range(2)]
    expected = FusionInferencer('tim-light')(visible, infrared)['image'].mean()
    assert min(abs(mean - expected) for mean in means) < 2


def test_what_a_checkpoint_says_of_its_cameras_counts(app: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    for stored, expected in ((dict(), 'visible'), (dict(resize='infrared'), 'infrared'),
                             (dict(homography=np.eye(3).tolist()), None)):
        monkeypatch.setattr(app, 'FusionInferencer', lambda network: SimpleNamespace(  # noqa: B023
            resize=stored.get('resize'), homography=stored.get('homography')))  # noqa: B023
        app.fusion.cache_clear()
        assert app.fusion('mine.pth').resize == expected
    app.fusion.cache_clear()


def test_the_strength_is_that_of_the_slider(app: ModuleType, tmp_path: Path) -> None:
    _, darks = app.draw_examples(tmp_path)
    (before, plain), (_, full) = (app.enhance('ruas-lowlight', darks[0][0], strength) for strength in (0.0, 1.0))
    assert abs(plain.mean() - before.mean()) < 4 and full.mean() > before.mean() + 10  # noise is removed in both
    with pytest.raises(gradio.Error, match='a RUASScene takes 0 to 1'):  # where it would do nothing
        app.enhance('hadamard-lowlight', darks[0][0], 0.5)


def test_the_page_of_a_search_shows_its_curves(root: Path, page, tmp_path: Path) -> None:
    work_dir = tmp_path / 'search_demo'
    command = ['tools/train.py', 'configs/tim/search_demo.py', '--work-dir', str(work_dir), '--cfg-options',
               'train_dataloader.dataset.length=40', 'default_hooks.search.dataloader.dataset.length=40',
               'val_dataloader.dataset.length=2', 'default_hooks.logger.interval=1']
    for arguments in (command, ['tools/analysis_tools/plot_search.py', str(work_dir), '--html']):
        run = subprocess.run([sys.executable, *arguments], cwd=root, capture_output=True, text=True, check=False,
                             env=dict(os.environ, PYTHONPATH=str(root)))
        assert run.returncode == 0, run.stdout[-2000:] + run.stderr[-2000:]
    broken = []
    page.on('pageerror', lambda error: broken.append(str(error)))
    page.on('requestfailed', lambda request: broken.append(request.url))
    page.on('request', lambda request: broken.append(request.url) if re.match('https?:', request.url) else None)
    page.goto((work_dir / 'plots/index.html').as_uri())
    widths = page.eval_on_selector_all('img', 'images => images.map(image => image.naturalWidth)')
    assert widths and all(widths) and not broken  # every image is there, and nothing is asked of the network
    screenshot(page, 'search_report.jpg')
