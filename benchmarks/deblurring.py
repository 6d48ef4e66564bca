"""Deblurring beside what has no network: the blurred images, and Wiener's filter with the kernel known.

PSNR and SSIM as ``DeblurMetric`` takes them, with the standard error of the difference from the network over the same
images. The filter (scikit-image) gets the true kernel, and borders that pass into the blurred image as if it went
round, as the network does; its balance is the best of a grid on the images of the config's val_dataloader.

    BSDS_ROOT=data/bsds OMP_NUM_THREADS=1 python benchmarks/deblurring.py hyperguidance-deblur mine.pth
"""
import argparse
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from mmengine.dataset import BaseDataset, pseudo_collate
from mmengine.registry import init_default_scope
from mmengine.utils import track_iter_progress
from skimage.restoration import wiener
from terminaltables import AsciiTable
from torch import nn

from mmfusenas.apis import load_model
from mmfusenas.evaluation.metrics import DeblurMetric
from mmfusenas.models.physics.deconvolution import edge_taper, transfer_function
from mmfusenas.registry import DATASETS
from mmfusenas.utils.command_line import load_config, run_tool

BALANCES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
"""Of Wiener's filter: how much smoothness counts against the data."""

Rule = Callable[[dict], np.ndarray]
"""From a sample of a data set to its image, H x W x 3 uint8."""


def main() -> None:
    args = parse_args()
    cfg = load_config(args.config)
    init_default_scope('mmfusenas')
    val, test = (DATASETS.build(loader.dataset) for loader in (cfg.val_dataloader, cfg.test_dataloader))
    filters = {balance: partial(filtered, balance=balance) for balance in BALANCES}
    best = max(filters, key=lambda balance: np.mean(scores(filters[balance], val, args.images)[:, 0]))
    rows = {'blurred': observed, f'Wiener, {best:g}': filters[best],
            **{name: partial(restored, model=load_model(name)) for name in args.models}}
    found = {name: scores(rule, test) for name, rule in track_iter_progress(list(rows.items()))}
    last = list(found)[-1]
    table = [[name, *(f'{mean:.3f}' for mean in values.mean(0)), *differences(values, found[last])]
             for name, values in found.items()]
    print('\n' + AsciiTable([['', 'PSNR', 'SSIM', f'PSNR less that of {last}', 'SSIM'], *table],
                            f'{args.config}, {len(test)} images').table)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('models', nargs='+', metavar='MODEL', help='names of bundled weights, or checkpoints')
    parser.add_argument('--config', default='configs/hyperguidance/deblur_small.py',
                        help='config whose validation chooses and whose test images are scored (default: %(default)s)')
    parser.add_argument('--images', type=int, default=20, help='images of the validation (default: %(default)s)')
    return parser.parse_args()


def scores(rule: Rule, data: BaseDataset, count: int | None = None) -> np.ndarray:
    """Return PSNR and SSIM of the first images of a data set, a row an image."""
    metric = DeblurMetric()
    for number in range(len(data))[:count]:
        sample = data[number]
        batch = pseudo_collate([sample])
        metric.process(batch, [dict(pred_img=rule(sample), img_path=sample['data_samples'].img_path)])
    return np.array([[values['PSNR'], values['SSIM']] for _, values in metric.results])


def observed(sample: dict) -> np.ndarray:
    """Return the blurred image; a grey one has three channels then."""
    image = sample['inputs']['visible'].permute(1, 2, 0).numpy()
    return np.repeat(image, 3 // image.shape[2], 2)


def filtered(sample: dict, balance: float) -> np.ndarray:
    """Return what Wiener's filter makes of a grey image with its kernel."""
    kernel = sample['inputs']['kernel'].double()[None]
    image = sample['inputs']['visible'][None].double() / 255
    image = edge_taper(image, kernel, transfer_function(kernel, image.shape[2:]))
    sharp = wiener(image.squeeze().numpy(), kernel.squeeze().numpy(), balance, clip=False)
    return np.repeat(np.rint(sharp.clip(0, 1) * 255).astype(np.uint8)[..., None], 3, 2)


def restored(sample: dict, model: nn.Module) -> np.ndarray:
    """Return what a network makes of it."""
    return model.test_step(pseudo_collate([sample]))[0].pred_img


def differences(values: np.ndarray, others: np.ndarray) -> Sequence[str]:
    """Return the mean differences over the images with their standard errors, of PSNR and SSIM."""
    paired = values - others
    if not paired.any():
        return '', ''
    return [f'{mean:+.3f} +- {error:.3f}' for mean, error in zip(
        paired.mean(0), paired.std(0, ddof=1) / len(paired) ** 0.5, strict=True)]


if __name__ == '__main__':
    run_tool(main)
