"""A web page that runs networks on images of your own: ``pip install -e .[web]; python projects/web_demo/app.py``.

Three tabs: a pair, a dark image, and two folders of pairs. Bundled networks are there by name; checkpoints given on the
command line are added. Images stay on the machine that runs this.
"""
import argparse
import shutil
import tempfile
from collections.abc import Sequence
from functools import lru_cache, partial
from pathlib import Path

import gradio as gr
import numpy as np
from mmcv import bgr2rgb

from mmfusenas.apis import EnhanceInferencer, FusionInferencer, Result, input_pairs, weights_records
from mmfusenas.core.errors import UserError
from mmfusenas.datasets.images import ImageError, read_visible, to_display, write_image
from mmfusenas.scenes import SyntheticLowLightScenes, SyntheticScenes
from mmfusenas.utils.command_line import run_tool

TURN = 'networks'
"""Requests of this name run one after the other, since they share the networks and their settings."""


@lru_cache(maxsize=4)
def fusion(network: str) -> FusionInferencer:
    """Return the inferencer of a network, kept for the next pair; images of two sizes are of one view."""
    infer = FusionInferencer(network)
    if infer.resize is None and infer.homography is None:  # which a checkpoint of one's own may have
        infer.resize = 'visible'
    return infer


@lru_cache(maxsize=4)
def enhancement(network: str, strength: float) -> EnhanceInferencer:
    """Return the inferencer of a network, kept for the next image; a strength of 1 is no option of it."""
    return EnhanceInferencer(network, strength=None if strength == 1 else strength)


def fuse(network: str, visible: str, infrared: str, score_thr: float) -> tuple:
    """Return the visible and the fused image, what was found drawn in, and its numbers."""
    if not visible or not infrared:
        raise gr.Error('Give both images of the pair, or choose an example.')
    try:
        infer = fusion(network)
        infer.score_thr = score_thr
        result = infer(visible, infrared)
    except UserError as error:
        raise gr.Error(str(error)) from error
    return (as_rgb(read_visible(visible)), as_rgb(result['image'])), as_rgb(result.plot()), numbers(infer, result)


def enhance(network: str, dark: str, strength: float) -> tuple:
    """Return a dark image and the enhanced one."""
    if not dark:
        raise gr.Error('Give an image, or choose an example.')
    try:
        result = enhancement(network, strength)(dark)
    except UserError as error:
        raise gr.Error(str(error)) from error
    return as_rgb(read_visible(dark)), as_rgb(result['image'])


def fuse_folders(work_dir: Path, network: str, visible: Sequence[str], infrared: Sequence[str],
                 score_thr: float) -> tuple:
    """Return the results of two folders, paired by their names: images to look at, and all files as an archive."""
    if not visible or not infrared:
        raise gr.Error('Give both folders.')
    folder = Path(tempfile.mkdtemp(dir=work_dir))
    results = folder / 'results'
    try:
        for name, files in (('vi', visible), ('ir', infrared)):
            collect(files, folder / name)
        infer = fusion(network)
        infer.score_thr = score_thr
        infer.run(input_pairs(folder / 'vi', folder / 'ir'), results)
    except ImageError as error:
        if not any(results.glob('images/*')):
            raise gr.Error(str(error)) from error
        gr.Warning(str(error).replace(str(folder), '...'), duration=None)  # the other pairs are there
    except UserError as error:
        raise gr.Error(str(error)) from error
    shown = results / ('drawn' if infer.has_task else 'images')
    return sorted(map(str, shown.glob('*.png'))), shutil.make_archive(str(results), 'zip', results)


def collect(files: Sequence[str], folder: Path) -> None:
    """Copy uploads, each of which the page keeps in a folder of its own, into one.

    Raises:
        UserError: Two have one name.
    """
    folder.mkdir()
    for file in map(Path, files):
        if (folder / file.name).exists():
            raise UserError(f'Two files are named {file.name}; give folders without subfolders of equal names.')
        shutil.copy(file, folder / file.name)


def numbers(infer: FusionInferencer, result: Result) -> dict:
    """Return what was found as the page shows it: the objects of a detector, the shares of a segmentor's classes."""
    if result['mask'] is not None:
        classes = infer.dataset_meta.get('classes', ())
        labels, counts = np.unique(result['mask'], return_counts=True)
        return {classes[label] if label < len(classes) else str(label): round(count / result['mask'].size, 4)
                for label, count in zip(labels.tolist(), counts.tolist(), strict=True)}
    if result['boxes'] is None:
        return {}
    return dict(found=[dict(name=name, score=round(float(score), 3), box=np.rint(box).astype(int).tolist())
                       for name, score, box in zip(result.class_names, result['scores'], result['boxes'], strict=True)])


def as_rgb(image: np.ndarray) -> np.ndarray:
    """Return an image as the page shows it: 8 bit, red first."""
    return bgr2rgb(to_display(image))


def draw_examples(folder: Path) -> tuple[list[list[str]], list[list[str]]]:
    """Draw built-in scenes into a folder; return the files of pairs and of dark images."""
    scenes, dark = (kind(length=3, size=(240, 320), seed=2) for kind in (SyntheticScenes, SyntheticLowLightScenes))
    pairs, darks = [], []
    for number in range(3):
        scene = scenes.get_data_info(number)
        files = {name: folder / f'{number}_{name}.png' for name in ('visible', 'infrared', 'dark')}
        write_image(files['visible'], scene['img'])
        write_image(files['infrared'], scene['infrared'])
        write_image(files['dark'], dark.get_data_info(number)['img'])
        pairs.append([str(files['visible']), str(files['infrared'])])
        darks.append([str(files['dark'])])
    return pairs, darks


def build(work_dir: Path, checkpoints: Sequence[str] = ()) -> gr.Blocks:
    """Build the page.

    Args:
        work_dir: Folder for examples and results, which the page may show.
        checkpoints: Files or names to choose from beside the bundled networks.
    """
    bundled = [name for name, record in weights_records().items() if record.bundled]
    of_pairs = [*checkpoints, *(name for name in bundled if name.startswith('tim-'))]
    of_one = [*checkpoints, *(name for name in bundled if name.startswith(('ruas-', 'hadamard-')))]
    pairs, darks = draw_examples(work_dir)
    with gr.Blocks(title='mmfusenas') as page:
        gr.Markdown('# mmfusenas\nFuse an infrared and a visible image, and find objects in them; brighten dark ones.')
        with gr.Tab('Pair'), gr.Row():
            with gr.Column():
                network = gr.Dropdown(of_pairs, value=of_pairs[0], label='network')
                inputs = [network, upload('visible'), upload('infrared'), threshold()]
                run = gr.Button('Fuse', variant='primary')
                gr.Examples(pairs, inputs[1:3], label='examples: built-in scenes')
            with gr.Column():
                outputs = [gr.ImageSlider(label='visible | fused', format='png'),
                           gr.Image(label='what was found', format='png'), gr.JSON(label='in numbers')]
            gr.on([run.click, inputs[3].release], fuse, inputs, outputs, concurrency_id=TURN)
        with gr.Tab('Dark image'), gr.Row():
            with gr.Column():
                inputs = [gr.Dropdown(of_one, value=of_one[0], label='network'),
                          upload('dark'), gr.Slider(0, 1, 1, step=0.05, label='strength, of RUAS')]
                run = gr.Button('Brighten', variant='primary')
                gr.Examples(darks, inputs[1:2], label='examples: built-in scenes')
            slider = gr.ImageSlider(label='dark | enhanced', format='png')
            gr.on([run.click, inputs[2].release], enhance, inputs, slider, concurrency_id=TURN)
        with gr.Tab('Folders'), gr.Row():
            with gr.Column():
                inputs = [gr.Dropdown(of_pairs, value=of_pairs[0], label='network'),
                          *(gr.File(label=name, file_count='directory') for name in ('visible', 'infrared')),
                          threshold()]
                run = gr.Button('Fuse all', variant='primary')
            with gr.Column():
                outputs = [gr.Gallery(label='results'), gr.File(label='all files')]
            run.click(partial(fuse_folders, work_dir), inputs, outputs, concurrency_id=TURN)
    return page


def upload(label: str) -> gr.Image:
    """Return a place for an image, which stays as it is in its file: 16 bit, or grey."""
    return gr.Image(label=label, type='filepath', image_mode=None, height=240)


def threshold() -> gr.Slider:
    """Return a slider for the lowest score of a detection."""
    return gr.Slider(0, 1, 0.3, step=0.05, label='lowest score of a detection')


def main() -> None:
    """Serve the page until Ctrl-C."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('checkpoints', nargs='*', metavar='CHECKPOINT', help='networks of your own')
    parser.add_argument('--host', default='127.0.0.1',
                        help='address to listen at; 0.0.0.0 lets others in (default: %(default)s)')
    parser.add_argument('--port', type=int, default=7860, help='default: %(default)s')
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix='mmfusenas-demo-') as folder:
        build(Path(folder), args.checkpoints).launch(
            server_name=args.host, server_port=args.port, allowed_paths=[folder])


if __name__ == '__main__':
    run_tool(main)
