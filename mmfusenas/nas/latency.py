"""Measure what every candidate of a search space costs on this machine."""
from __future__ import annotations

import platform
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import torch
from torch import Tensor, nn

from mmfusenas.core.errors import InputError
from mmfusenas.core.evaluating import evaluating
from mmfusenas.nas.cost_table import CostTable, build_table, own_modules, parameters_by_site, site_roots
from mmfusenas.nas.macs import count_macs
from mmfusenas.nas.space import SearchSpace

_FEWEST = 3
_ENOUGH_MS = 1000.0


def measure_costs(space: SearchSpace, inputs: Sequence[Tensor], run: Callable | None = None, repeats: int = 5,
                  track: Callable[[list], Iterable] = iter, timer: object | None = None) -> CostTable:
    """Measure every candidate at the shapes that it sees when the supernet runs on ``inputs``.

    The model is measured as it predicts: in eval mode, without gradients; modes and choices are as before
    afterwards, also after an error. Latency is the median of the runs after a first one.

    Args:
        space: Choices of the supernet.
        inputs: Tensors, one image as a rule: costs are of the batch as given.
        run: Called with ``inputs``; defaults to the model.
        repeats: Most timed runs of a candidate, at least 3. A slow one gets fewer: three, or as many as fit into
            a second. Defaults to 5.
        track: Wraps the list of what is timed, to show progress (``tqdm.tqdm``).
        timer: What takes the times, with ``time(run, root)`` in milliseconds and ``runtime``, its name: such as
            :class:`~mmfusenas.apis.graph_timer.GraphTimer`. Defaults to None, PyTorch.

    Raises:
        ValueError: If a choice does not run, or ``repeats`` is below 3.

    Example:
        >>> from torch import nn
        >>> from mmfusenas.nas import Choice
        >>> net = nn.Sequential(Choice(dict(skip=nn.Identity(), conv=nn.Conv2d(2, 2, 1, bias=False))))
        >>> measure_costs(SearchSpace(net), [torch.rand(1, 2, 5, 5)]).conditions['input_shapes']
        [[1, 2, 5, 5]]
    """
    if repeats < _FEWEST:
        raise InputError(f'measure_costs got repeats={repeats}; a median needs at least {_FEWEST}.')

    def forward() -> object:
        return (run or space.model)(*inputs)

    device = inputs[0].device
    with _measurable(space):
        roots, calls = site_roots(space), _observe(space, forward)
        runs = {site: _runner(root, calls[site[0]], device) if site else forward for site, root in roots.items()}
        timer = timer or Timer(space, device, repeats)
        entry = {site: dict(latency_ms=None, macs=_own_macs(space, roots[site], runs[site]), parameters=count)
                 for site, count in parameters_by_site(space).items()}
        for site in track(list(entry)):
            entry[site]['latency_ms'] = timer.time(runs[site], roots[site])
    return build_table(space, entry, dict(
        input_shapes=[list(tensor.shape) for tensor in inputs], device=_device_name(device), torch=torch.__version__,
        runtime=timer.runtime, threads=torch.get_num_threads()))


def _observe(space: SearchSpace, forward: Callable[[], object]) -> dict[str, list]:
    """Shapes of the inputs of every call of every choice and optional part, from one relaxed run."""
    watched = {**space.choices, **{path: space.model.get_submodule(path) for path in space.optional}}
    shapes: dict[str, list] = {name: [] for name in watched}
    handles = [
        module.register_forward_pre_hook(
            lambda _, inputs, calls=shapes[name]: calls.append(
                [(x.shape, x.dtype) if isinstance(x, Tensor) else x for x in inputs]))  # else the number of a stage
        for name, module in watched.items()]
    space.relax(space.choices)
    try:
        forward()
    finally:
        for handle in handles:
            handle.remove()
    for name, calls in shapes.items():
        if not calls:
            kind = 'Choice' if name in space.choices else 'Part'
            raise InputError(f'{kind} {name!r} of {type(space.model).__name__} did not run, so its cost is not known; '
                             'give `run` a function that runs the whole searched model.')
    return shapes


def _runner(module: nn.Module, calls: list, device: torch.device) -> Callable[[], None]:
    """A function that runs a module alone, on inputs of the shapes of all its calls in the network."""
    inputs = [[torch.rand(seen[0], device=device, dtype=seen[1]) if isinstance(seen, tuple) else seen for seen in call]
              for call in calls]

    def run() -> None:
        for call in inputs:
            module(*call)

    return run


def _own_macs(space: SearchSpace, root: nn.Module, run: Callable[[], None]) -> int:
    counted = count_macs(root, run)
    return sum(counted[module] for module in own_modules(space, root))


class Timer:
    """Median time of a run, without the time that it spends in choices and optional parts."""

    runtime = 'torch'

    def __init__(self, space: SearchSpace, device: torch.device, repeats: int) -> None:
        self.choices, self.device, self.repeats = list(space.choices.values()), device, repeats
        self.parts = [space.model.get_submodule(path) for path in space.optional]

    def time(self, run: Callable[[], object], root: nn.Module) -> float:
        """Milliseconds of a run of ``root``."""
        for choice in self.choices:
            choice.select(choice.candidates[0])  # their time is left out: which candidate runs makes no difference
        with self._watched([*self.choices, *(part for part in self.parts if part is not root)]):
            self._once(run)  # the first run allocates and chooses algorithms
            times: list[float] = []
            while len(times) < _FEWEST or (len(times) < self.repeats and sum(times) < _ENOUGH_MS):
                times.append(self._once(run))
            return median(times)

    def _once(self, run: Callable[[], object]) -> float:
        self.depth, self.inside = 0, 0.0
        start = self._now()
        run()
        return 1e3 * (self._now() - start - self.inside)

    @contextmanager
    def _watched(self, modules: list[nn.Module]) -> Iterator[None]:
        handles = [handle for module in modules for handle in
                   (module.register_forward_pre_hook(self._enter), module.register_forward_hook(self._leave))]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _enter(self, *_: object) -> None:
        self.depth += 1
        if self.depth == 1:
            self.entered = self._now()

    def _leave(self, *_: object) -> None:
        self.depth -= 1
        if self.depth == 0:
            self.inside += self._now() - self.entered

    def _now(self) -> float:
        if self.device.type == 'cuda':
            torch.cuda.synchronize(self.device)
        return time.perf_counter()


@contextmanager
def _measurable(space: SearchSpace) -> Iterator[None]:
    """Evaluation mode; the states of the choices are put back at the end, too."""
    states = [(choice, choice.relaxed, choice.selected) for choice in space.choices.values()]
    try:
        with evaluating(space.model):
            yield
    finally:
        for choice, relaxed, selected in states:
            choice.relaxed, choice.selected = relaxed, selected


def _device_name(device: torch.device) -> str:
    if device.type == 'cuda':
        return torch.cuda.get_device_name(device)
    about = Path('/proc/cpuinfo')  # of Linux; platform.processor() knows the architecture at most
    model = re.search(r'^model name\s*: *(.+)$', about.read_text(), re.M) if about.is_file() else None
    return f'{device.type} {model[1] if model else platform.machine()}'
