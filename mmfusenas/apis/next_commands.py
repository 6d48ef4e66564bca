"""Commands that are useful after a search, a training or a run on images, each with what it does."""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from mmengine.model import BaseModel
from torch import nn

from mmfusenas.apis.exported_model import ExportedModel
from mmfusenas.apis.exporting import DetectionGraph, fusion_graph
from mmfusenas.apis.loading import build_model, elements, input_options, own_config
from mmfusenas.core.errors import UserError
from mmfusenas.datasets.pairing import get_stem
from mmfusenas.engine.hooks.path_sampling_hook import STATE_KEY
from mmfusenas.nas import Genotype, SearchSpace
from mmfusenas.utils.checkpoint import latest_checkpoint, load_checkpoint
from mmfusenas.utils.command_line import command


def search_commands(work_dir: Path, genotype: Genotype | None) -> Iterator[tuple[str, str]]:
    """Yield what to do after a search: train what was found, or take it with the weights of the search.

    Args:
        work_dir: Of the search.
        genotype: What was found; None where nothing is yet.
    """
    retrain, epoch = work_dir / 'retrain.py', genotype.source.get('epoch') if genotype else None
    yield 'train what was found, from scratch', command(
        'python', 'tools/train.py', retrain if retrain.is_file() else 'CONFIG')
    if any((work_dir / 'retrain').glob('*/vis_data/scalars.json')):  # a test leaves a folder, too
        yield 'the page of that training', _page(work_dir / 'retrain')
    own = work_dir / f'epoch_{epoch}.pth'
    if own.is_file():
        yield from _derived(work_dir, own, retrain if retrain.is_file() else None)
    elif latest := latest_checkpoint(work_dir):  # of another epoch: its network need not be that of retrain.py
        yield from _derived(work_dir, latest, None)
    yield 'this page again', _page(work_dir)


def training_commands(work_dir: Path) -> Iterator[tuple[str, str]]:
    """Yield what to do after a training: test it, use it, export it.

    The paths of a supernet are searched instead; a search that exports nothing is derived.

    Args:
        work_dir: Of the training.
    """
    configs, checkpoint = sorted(work_dir.glob('*.py')), latest_checkpoint(work_dir)
    trained = [configs[0] if configs else 'CONFIG', checkpoint or 'CHECKPOINT']
    model = _model(checkpoint)
    if model is None or not len(SearchSpace(model)):
        yield 'test what was trained', command('python', 'tools/test.py', *trained)
        yield from _uses(work_dir, trained, model)
    elif STATE_KEY in load_checkpoint(checkpoint):
        yield 'search the paths of this supernet', command(
            'python', 'tools/train.py', 'SEARCH_CONFIG', '--cfg-options', f'load_from={checkpoint}')
    else:
        yield from _derived(work_dir, checkpoint, None)
    yield 'this page again', _page(work_dir)


def inference_commands(trained: Sequence[str | Path], model: nn.Module, out_dir: Path, fused: Sequence[str] = ()
                       ) -> Iterator[tuple[str, str]]:
    """Yield what to do after images were made: test the model of a config, score fused images, export the model.

    Args:
        trained: Words that name the model: config and checkpoint, or ``--model`` and a name.
        model: It.
        out_dir: Folder of the results.
        fused: Visible and infrared images or folders that were fused as they are; empty where nothing is to score.
    """
    if trained[0] != '--model':
        yield 'test the model on the data of its config', command('python', 'tools/test.py', *trained)
    if fused:
        visible, infrared = map(Path, fused)
        result = out_dir / 'images' / (f'{get_stem(visible)}.png' if visible.is_file() else '')
        yield 'score the fused images', command(
            'python', 'tools/analysis_tools/fusion_metrics.py', '--visible', visible, '--infrared', infrared, '--fused',
            result)
    if not isinstance(model, ExportedModel):
        yield from _export(trained, model, out_dir)


def _export(trained: Sequence[str | Path], model: nn.Module | None, folder: Path) -> Iterator[tuple[str, str]]:
    """Yield what exports a model, None where it is not known; nothing of one that no graph holds."""
    try:
        graph = model and fusion_graph(model)
    except UserError:
        return
    yield 'export it', command('python', 'tools/deployment/export_onnx.py', *trained, '--out', folder / 'model.onnx',
                               *['--nms'] * isinstance(graph, DetectionGraph))


def _derived(work_dir: Path, checkpoint: Path, config: Path | None) -> Iterator[tuple[str, str]]:
    """Yield what derives the network of a search's checkpoint, and uses it; ``config`` is that of this network."""
    derived, model = work_dir / 'derived.pth', _model(checkpoint)
    yield 'take the network with the weights of the search', command(
        'python', 'tools/derive.py', checkpoint, '--out', derived.with_suffix('.json'), '--checkpoint', derived,
        *([] if model else ['--config', 'CONFIG']))
    if config:
        yield 'test that network', command('python', 'tools/test.py', config, derived)
    yield from _uses(work_dir, ['--model', derived], model)


def _uses(work_dir: Path, trained: list[str | Path], model: BaseModel | None) -> Iterator[tuple[str, str]]:
    """Yield what runs a network on images, and exports it; nothing of one that makes no image."""
    if model is not None and not hasattr(getattr(model, 'scene', model), 'images'):
        return
    infer = command('python', 'tools/infer.py', *trained)
    yield 'run it on images', f'{infer} {input_options(model)} --out-dir FOLDER'
    yield from _export(trained, model, work_dir)


def _page(work_dir: Path) -> str:
    return command('python', 'tools/analysis_tools/plot_search.py', work_dir, '--html')


def _model(checkpoint: Path | None) -> BaseModel | None:
    """Return the model that a checkpoint rebuilds by itself, without its weights; None where it cannot."""
    try:
        content = load_checkpoint(checkpoint) if checkpoint else {}
        return build_model(own_config(content, checkpoint), f'checkpoint {checkpoint}', elements(content, checkpoint))
    except (UserError, ImportError):
        return None
