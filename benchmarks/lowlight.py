"""Enhancement of dark images beside what has no network: a gamma, a gain, and the same network with constants.

PSNR and SSIM on pairs, as ``ImageQualityMetric`` takes them; the spread of the illumination within an image; and the
share of values at 1 that were not there in the input, on dark images without references. Of every model the row
``constants`` has the mean output of its cell in the place of the cell, stage by stage, over the images of the config's
val_dataloader. The gain, the c of y / (y / 2 + c), the additive form by hand, and the grey level of the even
illumination, by which a scene module with an ``exposure`` begins, are the best of a grid there; it stands alone and
with each model's noise removal. Nothing is chosen on the pairs. Of noise removal alone there is the PSNR of those
images' references with Gaussian noise of deviation 0.1, beside that of the noise itself and of scikit-image's Gaussian
filter, total variation and non-local means, each with the best strength of a grid on these very images.

    BSDS_ROOT=data/bsds LOL_ROOT=data/lol OMP_NUM_THREADS=1 python benchmarks/lowlight.py ruas-lowlight mine.pth \
        --unpaired data/lowlight/test
"""
import argparse
import copy
from collections.abc import Callable, Iterable
from pathlib import Path

import cv2
import numpy as np
import torch
from mmengine.registry import init_default_scope
from skimage.filters import gaussian
from skimage.metrics import peak_signal_noise_ratio
from skimage.restoration import denoise_nl_means, denoise_tv_chambolle
from terminaltables import AsciiTable
from torch import Tensor, nn

from mmfusenas.apis import input_images, load_model
from mmfusenas.evaluation.metrics.image_quality_metric import image_quality
from mmfusenas.models.scene.ruas_scene import even_illumination
from mmfusenas.models.utils.illumination import illumination_scalars
from mmfusenas.registry import DATASETS
from mmfusenas.utils.command_line import load_config, run_tool

GAINS = np.arange(1, 12.1, 0.5)
CONSTANTS = np.arange(0.05, 0.61, 0.05)
EXPOSURES = np.arange(0.2, 0.61, 0.05)

FILTERS = {
    'Gaussian filter': (lambda x, sigma: gaussian(x, sigma, channel_axis=0), np.arange(0.5, 2.1, 0.25)),
    'total variation': (lambda x, weight: denoise_tv_chambolle(x, weight, channel_axis=0), np.arange(0.04, 0.21, 0.02)),
    'non-local means': (lambda x, h: denoise_nl_means(x, 5, 6, h, sigma=0.1, channel_axis=0), (0.04, 0.06, 0.08, 0.1)),
}
"""Noise removal without a network, and the strengths that are tried."""


class Constants(nn.Module):
    """A cell that gives the mean of what another gave in a stage, over images."""

    def __init__(self, cell: nn.Module) -> None:
        super().__init__()
        self.cell, self.means, self.fixed = cell, {}, False

    def forward(self, x: Tensor, stage: int = 0) -> Tensor:
        if not self.fixed:
            out = self.cell(x, stage)
            self.means.setdefault(stage, []).append(out.mean((0, 2, 3)))
            return out
        return torch.stack(self.means[stage]).mean(0)[None, :, None, None].expand_as(x)


def main() -> None:
    args = parse_args()
    cfg = load_config(args.config)
    init_default_scope('mmfusenas')
    val = pairs_of(cfg.val_dataloader.dataset, args.images)
    test = pairs_of(cfg.test_dataloader.dataset)
    dark = [tensor(cv2.imread(str(pair.paths[0]))) for pair in input_images(args.unpaired)] if args.unpaired else []
    rows = {'as it is': plain(lambda y: y), 'gamma 2.2': plain(lambda y: y ** (1 / 2.2)),
            'gain': best({k: plain(lambda y, k=k: y * k) for k in GAINS}, val),
            'y / (y / 2 + c)': best({c: plain(lambda y, c=c: y / (y / 2 + c)) for c in CONSTANTS}, val),
            'even illumination': best({e: plain(lambda y, e=e: y / even_illumination(y, e)) for e in EXPOSURES}, val)}
    models = {name: load_model(name) for name in args.models}
    for name, model in models.items():
        rows[f'even illumination, noise removal of {name}'] = removed(rows['even illumination'], model.task)
        twin = copy.deepcopy(model)
        twin.scene.cell = Constants(twin.scene.cell)
        for y, _ in val:
            run(twin)(y)
        twin.scene.cell.fixed = True
        for label, net in ((name, model), (f'{name}, constants', twin)):
            rows[label] = run(net)
            never = copy.deepcopy(net)
            never.denoise = 'never'
            rows[f'{label}, no noise removal'] = run(never)
    table = [['', 'PSNR', 'SSIM', 'spread of t', 'saturated, unpaired', 'PSNR of each', f'PSNR, {len(val)} val images',
              'SSIM, the same']]
    for label, row in rows.items():
        scores = [score(row, *pair) for pair in test]
        shares = [float(row(y)[2]) for y in dark]
        means, chosen_on = np.mean(scores, 0), np.mean([score(row, *pair) for pair in val], 0)
        table.append([label, f'{means[0]:.3f}', f'{means[1]:.4f}', f'{means[2]:.4f}',
                      f'{np.mean(shares):.4f}' if shares else '-', ' '.join(f'{s[0]:.1f}' for s in scores),
                      f'{chosen_on[0]:.3f}', f'{chosen_on[1]:.4f}'])
        print(*table[-1], sep=' | ', flush=True)
    print_removal({name: model.task for name, model in models.items()}, [reference for _, reference in val])
    print('\n' + AsciiTable(table, f'{len(test)} pairs, {len(dark)} images without references').table)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('models', nargs='*', metavar='MODEL', help='names of bundled weights, or checkpoints, of RUAS')
    parser.add_argument('--config', default='configs/ruas/enhance_bsds.py',
                        help='config whose validation chooses and whose test pairs are scored (default: %(default)s)')
    parser.add_argument('--images', type=int, default=40, help='images of the validation (default: %(default)s)')
    parser.add_argument('--unpaired', type=Path, metavar='PATH', help='folder of dark images without references')
    return parser.parse_args()


def tensor(image: np.ndarray) -> Tensor:
    """Return an image H x W x 3 uint8 as 1 x 3 x H x W in [0, 1], BGR both."""
    return torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255


def pairs_of(dataset: dict, count: int | None = None) -> list[tuple[Tensor, np.ndarray]]:
    """Return dark images and their references of the first images of a data set."""
    data = DATASETS.build(dataset)
    inputs = [data[i]['inputs'] for i in range(len(data))[:count]]
    return [(x['visible'][None].float() / 255, x['reference'].permute(1, 2, 0).numpy()) for x in inputs]


def plain(rule: Callable[[Tensor], Tensor]) -> Callable:
    """Return a rule as a row: image, spread of its illumination y / u (none), share of values that reach 1."""
    def row(y: Tensor) -> tuple[Tensor, float, float]:
        u = rule(y).clamp(0, 1)
        return u, 0.0, float(((u >= 1) & (y < 1)).float().mean())
    return row


def removed(row: Callable, removal: nn.Module) -> Callable:
    """Return a rule's row with noise removed from its image."""
    @torch.no_grad()
    def without_noise(y: Tensor) -> Tensor:
        return removal(row(y)[0].flip(1)).flip(1)

    return plain(without_noise)


def run(model: nn.Module) -> Callable:
    """Return a model as a row."""
    @torch.no_grad()
    def row(y: Tensor) -> tuple[Tensor, float, float]:
        images = model.images(dict(visible=y))
        scalars = illumination_scalars(images['illumination'], y.flip(1))
        lost = ((images['image'] >= 1) & (y < 1)).float().mean()
        return images['image'], float(scalars['illumination_spread']), float(lost)
    return row


def score(row: Callable, y: Tensor, reference: np.ndarray) -> tuple[float, float, float]:
    """Return PSNR, SSIM and spread of a row on a pair."""
    u, spread, _ = row(y)
    return *image_quality(eight_bit(u), reference).values(), spread


def psnr(row: Callable, pairs: Iterable) -> float:
    """Return the mean PSNR of a row on pairs."""
    return float(np.mean([peak_signal_noise_ratio(reference, eight_bit(row(y)[0])) for y, reference in pairs]))


@torch.no_grad()
def print_removal(nets: dict[str, nn.Module], references: list[np.ndarray], deviation: float = 0.1) -> None:
    """Print what noise removal makes of references with noise of a known strength, and the noise itself."""
    generator = torch.Generator().manual_seed(0)
    clean = [tensor(reference).flip(1) for reference in references]
    noisy = [(x + deviation * torch.randn(x.shape, generator=generator)).clamp(0, 1) for x in clean]
    def decibels(net: Callable) -> float:
        errors = [float((net(y).clamp(0, 1) - x).square().mean()) for y, x in zip(noisy, clean)]
        return float(-10 * np.log10(errors).mean())

    found = {name: decibels(net) for name, net in {f'noise of {deviation}': nn.Identity(), **nets}.items()}
    found |= {f'best {name}': max(decibels(filtered(rule, strength)) for strength in strengths)
              for name, (rule, strengths) in FILTERS.items()}
    for name, value in found.items():
        print(f'{name}, noise removal alone: {value:.3f} dB, {len(clean)} images')


def filtered(rule: Callable, strength: float) -> Callable:
    """Return a filter of scikit-image, of a strength, for an image 1 x 3 x H x W."""
    return lambda y: torch.from_numpy(rule(y[0].numpy(), strength))[None].float()


def eight_bit(u: Tensor) -> np.ndarray:
    """Return an image as H x W x 3 uint8, its decimals cut off as RUASEnhancement does."""
    return (u.clamp(0, 1) * 255).floor().byte()[0].permute(1, 2, 0).numpy()


def best(rows: dict[float, Callable], pairs: Iterable) -> Callable:
    """Return the row with the highest mean PSNR on pairs."""
    means = {value: psnr(row, pairs) for value, row in rows.items()}
    value = max(means, key=means.get)
    print(f'best of {len(rows)}: {value:.2f}', flush=True)
    return rows[value]


if __name__ == '__main__':
    run_tool(main)
