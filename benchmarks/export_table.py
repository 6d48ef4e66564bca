"""What a detector costs and finds as it is exported: size, time and mAP@0.5, in float and in int8.

The model is exported at the size of the test images (``export_onnx.py``) and quantised for onnxruntime and for OpenVINO
(``quantize_onnx.py``), which is calibrated on training images of the config. The graph in float runs in both, each
graph in int8 in its own, on the same test images, beside PyTorch. All boxes go through the same suppression. Times are
of one thread, in one process and in turns; the median counts. `lost` is what a row has less than PyTorch, with the
standard error of the difference on the same images (jackknife, a tenth of them at a time).

    FOLD=0/3 MSRS_ROOT=data/msrs python benchmarks/export_table.py
"""
import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.utils import track_iter_progress
from runs import tool
from terminaltables import AsciiTable
from timing import interleaved

from mmfusenas.apis import load_model
from mmfusenas.apis.exporting import fusion_graph
from mmfusenas.apis.quantizing import calibration_images
from mmfusenas.datasets.images import image_size
from mmfusenas.evaluation.spread import jackknife
from mmfusenas.evaluation.task_scores import detection_sample, mean_average_precision
from mmfusenas.registry import DATASETS
from mmfusenas.utils.command_line import run_tool

Outputs = Sequence[np.ndarray]
NAMES = ('image', 'boxes', 'scores', 'labels')
KEEP_FLOAT = dict(openvino=('/task/backbone/', '/task/retina_', '^/head/head.2/'),
                  onnxruntime=('/task/backbone/', '/task/retina_', '^/head/'))
"""What costs much and saves little: the backbone, the last convolution of the detector's head, and the last one of the
fusion network; in onnxruntime its last two, since what the first of them gives would be rounded for nothing."""
GROUPS = 10
"""Parts of the images that are left out in turn."""


def main() -> None:
    args = parse_args()
    torch.set_num_threads(1)
    cfg = Config.fromfile(args.config)
    init_default_scope('mmfusenas')
    infos, classes = test_data(cfg, args)
    files = exported(args)
    runs = {'PyTorch': pytorch(args.model),
            'onnxruntime, float': onnxruntime(files['float']), 'OpenVINO, float': openvino(files['float']),
            'onnxruntime, int8': onnxruntime(files['onnxruntime, int8']),
            'OpenVINO, int8': openvino(files['OpenVINO, int8'])}
    found: dict[str, list[dict]] = {name: [] for name in runs}
    differences: dict[str, list[float]] = {name: [] for name in runs}
    for number, (info, inputs) in enumerate(track_iter_progress(
            list(zip(infos, calibration_images(files['float'], infos))))):
        outputs = {name: run(inputs) for name, run in runs.items()}
        for name, (image, *candidates) in outputs.items():
            found[name].append(detection_sample(number, detections(*candidates), info['instances'], tuple(args.shape)))
            differences[name].append(float(np.square(image - outputs['PyTorch'][0]).mean()))
    inputs = next(calibration_images(files['float'], infos))
    times = interleaved({name: partial(run, inputs) for name, run in runs.items()}, args.repeats)
    report(found, differences, times, files, classes, args)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--model', default='tim-retinanet-msrs', help='weights or checkpoint (default: %(default)s)')
    parser.add_argument('--config', default='configs/tim/retinanet_ivif-msrs.py',
                        help='config with the training images and the test images (default: %(default)s)')
    parser.add_argument('--shape', nargs=2, type=int, default=[480, 640], metavar=('H', 'W'),
                        help='height and width of the graph, and of the test images (default: 480 640)')
    parser.add_argument('--pairs', default='16', help='pairs to calibrate on (default: %(default)s)')
    parser.add_argument('--keep-float', nargs='*', metavar='PATTERN',
                        help='layers that stay in float (default: ' + '; '.join(
                            f'{runtime}: {" ".join(layers)}' for runtime, layers in KEEP_FLOAT.items()) + ')')
    parser.add_argument('--reduce-range', action='store_true', help='weights of 7 bit, for processors without VNNI')
    parser.add_argument('--limit', type=int, help='no more than so many test images')
    parser.add_argument('--repeats', type=int, default=7, help='timed runs of each (default: %(default)s)')
    parser.add_argument('--work-dir', type=Path, default=Path('work_dirs/export_table'), help='default: %(default)s')
    return parser.parse_args()


def test_data(cfg: Config, args: argparse.Namespace) -> tuple[list[dict], Sequence[str]]:
    """Return the test images with their boxes, and the names of the classes; end where a size is another."""
    dataset = DATASETS.build(dict(cfg.test_dataloader.dataset, pipeline=[]))
    infos = [dataset.get_data_info(i) for i in range(len(dataset))][:args.limit]
    for info in infos:
        if list(image_size(info['img_path'])) != args.shape:
            sys.exit(f'error: {info["img_path"]} is not of the size of --shape, {args.shape}: its boxes would not fit.')
    return infos, dataset.metainfo['classes']


def exported(args: argparse.Namespace) -> dict[str, Path]:
    """Return the graphs in float, and in int8 for each runtime, by the tools that a user has."""
    files = {'float': args.work_dir / 'float.onnx'}
    tool('deployment/export_onnx', '--model', args.model, '--out', str(files['float']),
         '--shape', *map(str, args.shape))
    for name in ('onnxruntime', 'OpenVINO'):
        runtime = name.lower()
        files[f'{name}, int8'] = args.work_dir / f'int8-{runtime}.onnx'
        layers = KEEP_FLOAT[runtime] if args.keep_float is None else args.keep_float
        tool('deployment/quantize_onnx', str(files['float']), '--out', str(files[f'{name}, int8']), '--config',
             args.config, '--pairs', args.pairs, '--runtime', runtime, *['--keep-float', *layers] * bool(layers),
             *['--reduce-range'] * args.reduce_range)
    return files


def pytorch(model: str) -> Callable[[Mapping[str, np.ndarray]], Outputs]:
    """Return the graph before it is exported, made fast for inference."""
    graph = fusion_graph(load_model(model))

    @torch.inference_mode()
    def run(inputs: Mapping[str, np.ndarray]) -> Outputs:
        return [output.numpy() for output in graph(*map(torch.from_numpy, inputs.values()))]

    return run


def onnxruntime(file: Path) -> Callable[[Mapping[str, np.ndarray]], Outputs]:
    """Return a graph in onnxruntime, on one thread."""
    from onnxruntime import InferenceSession, SessionOptions

    options = SessionOptions()
    options.intra_op_num_threads = 1
    session = InferenceSession(str(file), options, providers=['CPUExecutionProvider'])
    return partial(session.run, NAMES)


def openvino(file: Path) -> Callable[[Mapping[str, np.ndarray]], Outputs]:
    """Return a graph in OpenVINO, on one thread and in float32, where it would take bfloat16 by itself."""
    from openvino import Core

    compiled = Core().compile_model(str(file), 'CPU', dict(INFERENCE_NUM_THREADS=1, INFERENCE_PRECISION_HINT='f32'))

    def run(inputs: Mapping[str, np.ndarray]) -> Outputs:
        result = compiled(dict(inputs))
        return [np.array(result[name]) for name in NAMES]

    return run


def detections(boxes: np.ndarray, scores: np.ndarray, labels: np.ndarray) -> dict[str, np.ndarray]:
    """Return what is left of all candidates after suppression, as the bundled detector's test does it."""
    from mmcv.ops import batched_nms

    able = scores > 0.05
    boxes, scores, labels = (torch.from_numpy(values[able]) for values in (boxes, scores, labels))
    if not len(scores):  # which mmcv does not take
        return dict(boxes=boxes.numpy(), scores=scores.numpy(), labels=labels.numpy())
    kept, places = batched_nms(boxes, scores, labels, dict(type='nms', iou_threshold=0.5))
    return dict(boxes=kept[:100, :4].numpy(), scores=kept[:100, 4].numpy(), labels=labels[places][:100].numpy())


def report(found: Mapping[str, Sequence[dict]], differences: Mapping[str, Sequence[float]],
           times: Mapping[str, Sequence[float]], files: Mapping[str, Path], classes: Sequence[str],
           args: argparse.Namespace) -> None:
    """Print the table."""
    scores = {name: jackknife(lambda part: mean_average_precision(part, classes), samples, GROUPS)
              for name, samples in found.items()}
    rows = [['', 'MB', 'ms a pair', 'ratio', 'mAP@0.5', 'lost (points)', 'image, PSNR to PyTorch (dB)']]
    for name, score in scores.items():
        file = files.get(name, files['float'])
        lost = scores['PyTorch'].minus(score)
        error = float(np.mean(differences[name]))
        rows.append([
            name, '' if name == 'PyTorch' else f'{os.path.getsize(file) / 1e6:.1f}',
            f'{1000 * median(times[name]):.0f}', f'{median(times[name]) / median(times["PyTorch"]):.2f}',
            f'{score.value:.4f}', '' if name == 'PyTorch' else f'{100 * lost.value:.2f} +- {100 * lost.error:.2f}',
            f'{-10 * np.log10(error):.1f}' if error else ''])
    print('\n' + AsciiTable(rows, f'{args.model}, {len(differences["PyTorch"])} pairs, 1 thread').table)


if __name__ == '__main__':
    run_tool(main)
