"""What the candidates of a search cost as exported graphs."""
from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_flatten, tree_unflatten

from mmfusenas.apis.exported_model import open_graph
from mmfusenas.apis.exporting import OPSET
from mmfusenas.core.errors import InputError
from mmfusenas.nas import SearchSpace

Call = tuple[nn.Module, tuple]
"""A module, and what it was called with."""


class GraphTimer:
    """Time of parts of a supernet in onnxruntime or OpenVINO, for :func:`~mmfusenas.nas.latency.measure_costs`.

    A part is exported as it is called, with the first candidate of every choice inside it. What these choices cost, as
    graphs of their own, is taken off again. A runtime merges layers that follow each other, so that this is at times
    more than they cost inside; less than 0 counts as 0.

    Args:
        space: Choices of the supernet.
        runtime: ``'onnxruntime'`` or ``'openvino'``, on the CPU, with as many threads as torch has.
        repeats: Timed runs of each graph, of which the median counts. Defaults to 5.

    Raises:
        ImportError: The runtime is not installed.
        ValueError: Of :meth:`time`, where a part cannot be exported.
    """

    def __init__(self, space: SearchSpace, runtime: str, repeats: int = 5) -> None:
        self.space, self.runtime, self.repeats = space, runtime, repeats
        self.parts = {*space.choices.values(), *(space.model.get_submodule(path) for path in space.optional)}

    def time(self, run: Callable[[], object], root: nn.Module) -> float:
        """Return the milliseconds of all calls of ``root`` in ``run``, without those of the choices inside."""
        for choice in self.space.choices.values():
            choice.select(choice.candidates[0])
        calls, inner = self._calls(run, root)
        return max(0.0, sum(map(self._graph, calls)) - sum(map(self._graph, inner)))

    def _calls(self, run: Callable[[], object], root: nn.Module) -> tuple[list[Call], list[Call]]:
        """Return the calls of ``root``, and those of the outermost choices and optional parts inside it."""
        calls: list[Call] = []
        inner: list[Call] = []
        inside: list[nn.Module] = []

        def enter(module: nn.Module, args: tuple) -> None:
            if module is root:
                calls.append((module, args))
            elif not inside:
                inner.append((module, args))
            if module is not root:
                inside.append(module)

        def leave(module: nn.Module, *_: object) -> None:
            if module is not root:
                inside.pop()

        handles = [handle for module in {root, *self.parts} for handle in (
            module.register_forward_pre_hook(enter), module.register_forward_hook(leave))]
        try:
            with torch.inference_mode(False), torch.no_grad():
                run()
        finally:
            for handle in handles:
                handle.remove()
        return calls, inner

    def _graph(self, call: Call) -> float:
        """Return the median time of a call as a graph, in milliseconds."""
        part = _Part(*call)
        with TemporaryDirectory() as folder:
            path = Path(folder, 'part.onnx')
            try:
                with warnings.catch_warnings(), torch.no_grad():
                    warnings.simplefilter('ignore')  # of traced sizes: it is one size alone
                    torch.onnx.export(part, tuple(part.tensors), str(path), dynamo=False, opset_version=OPSET,
                                      input_names=part.names)
                graph = open_graph(str(path), self.runtime)
            except Exception as error:  # of torch or the runtime, as the part has what a graph cannot hold
                reason = (str(error).splitlines() or [type(error).__name__])[0]
                raise InputError(f'{type(call[0]).__name__} cannot be measured in {self.runtime} ({reason}). Measure '
                                 'in PyTorch: leave out --backend.') from error
            inputs = {name: tensor.numpy() for name, tensor in zip(part.names, part.tensors, strict=True)}
            graph(inputs)  # the first run allocates
            times = []
            for _ in range(self.repeats):
                start = time.perf_counter()
                graph(inputs)
                times.append(time.perf_counter() - start)
        return 1e3 * median(times)


class _Part(nn.Module):
    """A module from the tensors that it was called with to those that it gives; all else of the call is fixed."""

    def __init__(self, module: nn.Module, args: tuple) -> None:
        super().__init__()
        self.module = module
        values, self.spec = tree_flatten(args)
        self.places = [place for place, value in enumerate(values) if isinstance(value, Tensor)]
        self.values = values
        self.tensors = [values[place].detach().clone() for place in self.places]
        self.names = [f'x{place}' for place in self.places]

    def forward(self, *tensors: Tensor) -> tuple[Any, ...]:
        values = list(self.values)
        for place, tensor in zip(self.places, tensors, strict=True):
            values[place] = tensor
        found = tree_flatten(self.module(*tree_unflatten(values, self.spec)))[0]
        return tuple(value for value in found if isinstance(value, Tensor))
