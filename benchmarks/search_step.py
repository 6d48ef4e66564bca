"""What one step of the cooperative search costs over its floor: the forward and backward passes that it consists of.

RUAS's supernet (scene module and noise removal) on random dark images. A step of the scene is an unrolled hyper-
gradient by a central difference, that is three passes of the training loss and one of the validation loss, and a pass
of the task's loss through the scene's image; a step of the task is the unrolled hyper-gradient alone. The floor is
the time of these passes by themselves. The same step with every candidate of a relaxed choice run by itself, not as one
convolution (:class:`LinearChoice`), stands beside it. Everything takes turns, and each step is compared with the others
of its own turn, so that a machine that slows down slows all; the median over the turns counts.

    python benchmarks/search_step.py [--size 128] [--batch 1] [--repeats 7]
"""
import argparse
import time
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from statistics import median
from types import SimpleNamespace

import torch
from mmengine.config import ConfigDict
from terminaltables import AsciiTable
from torch import Tensor, nn

import mmfusenas.models  # noqa: F401  registers RUASEnhancement
from mmfusenas.engine.hooks import CooperativeSearchHook
from mmfusenas.models.cells.linear_choice import LinearChoice
from mmfusenas.nas import Choice, SearchSpace
from mmfusenas.registry import MODELS
from mmfusenas.utils.command_line import run_tool

CONFIG = dict(
    type='RUASEnhancement', scene=dict(type='RUASScene', loss=dict(type='RTVSceneLoss')),
    task=dict(type='NoiseRemoval'), denoise='always', loss=dict(type='DenoisingLoss'))
PASSES = {'scene': dict(scene=4, joint=1), 'task': dict(task=4)}


def main() -> None:
    args = parse_args()
    torch.manual_seed(0)
    model = MODELS.build(ConfigDict(CONFIG)).train()
    upper, lower = (dict(inputs=dict(visible=0.3 * torch.rand(args.batch, 3, args.size, args.size))) for _ in range(2))
    hook, runner = searching(model)
    cells = [choice for choice in hook.space.choices.values() if isinstance(choice, LinearChoice)]
    times: dict[str, list[tuple[float, float, float]]] = {stage: [] for stage in PASSES}
    for turn in range(args.repeats + 1):
        for place, stage in enumerate(PASSES):
            hook._period, model.stage = place, stage
            alphas = list(hook._alphas(0).values())
            step = partial(hook._hyper_gradient, runner, [upper], lower, alphas)
            whole, single = seconds(step), apart(cells, step)
            floor = sum(count * seconds(partial(one_pass, model, upper, alphas), model, part)
                        for part, count in PASSES[stage].items())
            if turn:
                times[stage].append((whole, floor, single))
    rows = [[stage, *(f'{median(column):.3f}' for column in zip(*values)),
             f'{median(whole / floor for whole, floor, _ in values):.2f}',
             f'{median(whole / single for whole, _, single in values):.2f}'] for stage, values in times.items()]
    head = ['step of the', 'seconds', 'its passes', 'candidates apart', 'over the passes', 'over apart']
    print(AsciiTable([head, *rows],
                     f'RUAS supernet, batch {args.batch} of {args.size} x {args.size}').table)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--size', type=int, default=128, help='height and width of the images (default: 128)')
    parser.add_argument('--batch', type=int, default=1, help='images in the batch (default: 1)')
    parser.add_argument('--repeats', type=int, default=7, help='measurements of each (default: 7)')
    return parser.parse_args()


def searching(model: nn.Module) -> tuple[CooperativeSearchHook, SimpleNamespace]:
    """Return a hook on the supernet, and the part of a Runner that its step asks for."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    wrapper = SimpleNamespace(optimizer=optimizer, clip_grad_kwargs=None, optim_context=lambda model: nullcontext())
    hook = CooperativeSearchHook(dataloader={}, alternation=[dict(stage=stage, iters=1) for stage in PASSES])
    hook.model, hook.phase, hook.space, hook.seed, hook.expected_cost = model, 0, SearchSpace(model), 0, None
    hook.space.relax()
    hook.searched, hook.losses = [list(hook.space.choices)], [[None]]  # one phase, the model's own loss
    return hook, SimpleNamespace(model=model, optim_wrapper=wrapper, iter=0, epoch=0)


def apart(choices: list[LinearChoice], run: Callable[[], object]) -> float:
    """Time a run in which every candidate of the relaxed choices runs by itself."""
    for choice in choices:
        choice.forward = partial(Choice.forward, choice)
    elapsed = seconds(run)
    for choice in choices:
        del choice.forward
    return elapsed


def one_pass(model: nn.Module, data: dict, alphas: list[Tensor]) -> None:
    """Evaluate the loss and differentiate it for weights and choices."""
    for alpha in alphas:
        alpha.requires_grad_(True)
    loss = model.parse_losses(model(**data, mode='loss'))[0]
    torch.autograd.grad(loss, [*alphas, *(p for p in model.parameters() if p.requires_grad)], allow_unused=True)
    for alpha in alphas:
        alpha.requires_grad_(False)


def seconds(run: Callable[[], object], model: nn.Module | None = None, stage: str = '') -> float:
    """Time a run, with the model in a stage where one is given."""
    if model is not None:
        before, model.stage = model.stage, stage
    start = time.perf_counter()
    run()
    elapsed = time.perf_counter() - start
    if model is not None:
        model.stage = before
    return elapsed


if __name__ == '__main__':
    run_tool(main)
