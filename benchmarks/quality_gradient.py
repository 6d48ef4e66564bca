"""The gradient of the classifier of a loss search beside that of the references (Hadamard restoration).

A supernet trains as in the loss phase of `configs/hadamard/search.py`, by equal weights. After every so many steps the
gradients for its weights are taken of the classifier's loss, and of the squared, the absolute and the structural
difference to the references, on batches of the images that the choices go by. The table has their cosines, means over
batches: of the classifier as it was trained before (`frozen`), and of one that goes on learning, as the config has it
(`learning`). Both see the same images and the same supernet.

    DATA=bsds BSDS_ROOT=data/bsds OMP_NUM_THREADS=1 python benchmarks/quality_gradient.py QUALITY.pth \
        --options model.net.channels=8 model.net.num_units=3
"""
import argparse
from collections.abc import Callable, Iterator

import numpy as np
import torch
import torch.nn.functional as F
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope
from runs import config_with
from terminaltables import AsciiTable
from torch import Tensor, nn

from mmfusenas.models.losses.restoration_terms import ssim_term
from mmfusenas.nas import SearchSpace
from mmfusenas.nas.hypergrad.base import preserved
from mmfusenas.registry import DATASETS, MODELS, OPTIMIZERS
from mmfusenas.utils.command_line import run_tool
from mmfusenas.utils.random_state import seeded

DISTANCES: dict[str, Callable[[Tensor, Tensor], Tensor]] = dict(squared=F.mse_loss, absolute=F.l1_loss, ssim=ssim_term)


def main() -> None:
    args = parse_args()
    init_default_scope('mmfusenas')
    cfg = config_with(args.config, args.options)
    hook = cfg.default_hooks.search
    torch.manual_seed(args.seed)
    model = MODELS.build(cfg.model)
    SearchSpace(model).relax()
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = OPTIMIZERS.build(dict(cfg.optim_wrapper.optimizer, params=weights))
    online = dict(hook.phases.loss.losses[0], checkpoint=args.quality)
    frozen = {key: value for key, value in online.items() if key not in ('optimizer', 'steps')}
    classifiers = dict(frozen=MODELS.build(frozen), learning=MODELS.build(online))
    lower = batches(cfg.train_dataloader, model, args.seed)
    upper = batches(hook.dataloader, model, args.seed + 1)
    fixed = [next(upper) for _ in range(args.batches)]
    rows = []
    for step in range(args.steps + 1):
        if step % args.interval == 0:
            for name, classifier in classifiers.items():
                rows.append([step, name, *row(model, weights, classifier, fixed)])
                print(*rows[-1], flush=True)
        batch = next(lower)
        loss, _ = model.parse_losses(model(**batch, mode='loss'))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(weights, **cfg.optim_wrapper.clip_grad)
        optimizer.step()
        with torch.no_grad(), preserved(model.buffers()), seeded(args.seed, step):
            classifiers['learning'].learn(model.images(batch['inputs']), **batch)
    names = ['step', 'classifier', *(f'cosine, {name}' for name in DISTANCES), 'P(good)', 'PSNR']
    print('\n' + AsciiTable([names, *rows], f'{args.batches} batches').table)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('quality', metavar='QUALITY', help='checkpoint of configs/hadamard/quality.py')
    parser.add_argument('--config', default='configs/hadamard/search.py', help='default: %(default)s')
    parser.add_argument('--steps', type=int, default=240, help='of the supernet (default: 240)')
    parser.add_argument('--interval', type=int, default=80, help='steps between two measurements (default: 80)')
    parser.add_argument('--batches', type=int, default=6, help='to measure on (default: 6)')
    parser.add_argument('--seed', type=int, default=0, help='default: 0')
    parser.add_argument('--options', nargs='+', default=[], metavar='KEY=VALUE',
                        help='values to override in the config')
    return parser.parse_args()


def batches(dataloader: dict, model: nn.Module, seed: int) -> Iterator[dict]:
    """Yield prepared batches of a dataloader's config, in an order and with augmentation of the seed, without end."""
    data, size, count = DATASETS.build(dataloader['dataset']), dataloader['batch_size'], 0
    while True:
        for chosen in np.random.default_rng((seed, count)).permutation(len(data))[:len(data) // size * size].reshape(
                -1, size):
            with seeded(seed, count):
                batch = pseudo_collate([data[int(i)] for i in chosen])
            count += 1
            yield model.data_preprocessor(batch, True)


def row(model: nn.Module, weights: list[Tensor], quality_loss: nn.Module, fixed: list[dict]) -> list[str]:
    """Return the mean cosines of a classifier's gradient with those of the distances, P(good), and the mean PSNR."""
    found = []
    for batch in fixed:
        with preserved(model.buffers()):
            images, reference = model.images(batch['inputs']), batch['inputs']['reference']
            image = images['image']
            first = flat(quality_loss(images, batch['inputs'])['loss_quality'], weights)
            others = [flat(distance(image, reference), weights) for distance in DISTANCES.values()]
        cosines = [float(F.cosine_similarity(first, other, dim=0)) for other in others]
        with torch.no_grad():
            good = quality_loss.classifier.logits(image).softmax(1)[:, 1].mean()
            psnr = -10 * F.mse_loss(image.clamp(0, 1), reference).log10()
        found.append([*cosines, float(good), float(psnr)])
    return [f'{value:.3f}' for value in np.mean(found, 0)]


def flat(loss: Tensor, weights: list[Tensor]) -> Tensor:
    """Return the gradient of a loss as one vector."""
    grads = torch.autograd.grad(loss, weights, retain_graph=True, allow_unused=True)
    return torch.cat([torch.zeros_like(weight).flatten() if grad is None else grad.flatten()
                      for grad, weight in zip(grads, weights)])


if __name__ == '__main__':
    run_tool(main)
