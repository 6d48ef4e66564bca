"""A faster copy of a network, for inference."""
from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterator
from functools import wraps
from typing import Any

import torch
from mmcv.cnn import ConvModule
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torch.utils._pytree import tree_map_only

from mmfusenas.models.cells.fused_distillation_cell import FusedDistillationCell, fusible
from mmfusenas.models.utils.memory_layout import needs_contiguous

_WIDE = 16
"""Channels from which a convolution is faster channels-last; 1 x 1 ones of a few channels take many times as long."""


def optimize_for_inference(model: nn.Module, compile: bool = False) -> nn.Module:
    """Return a copy of a network that computes the same, faster.

    The copy is in evaluation mode and without gradients. BatchNorm is folded into the convolution before it, two
    convolutions with nothing between them become one where that is less work, the cells of RUAS become
    :class:`FusedDistillationCell`, PReLU works in place, and the weights of wide convolutions are channels-last, which
    makes their outputs so. Only what is provable from the modules is changed: neighbours in an ``nn.Sequential``,
    mmcv's ``ConvModule``, and these cells. Results differ by rounding only.

    On a CPU most of the remaining time of large images is the mapping of new memory;
    :func:`~mmfusenas.utils.allocator.keep_freed_memory` ends that.

    Args:
        model: Network, or a fusion module of this package. It is not changed.
        compile: Also compile it by ``torch.compile``, part by part, with the weights frozen into the code. The first
            image of each size then takes minutes. Defaults to False.

    Returns:
        The copy: for inference under ``torch.inference_mode()`` or ``torch.no_grad()``, not for training or saving.

    Example:
        >>> net = MODELS.build(dict(type='TIMFusion', genotype='tim-light')).eval()
        >>> pair = torch.rand(2, 1, 1, 61, 83)
        >>> with torch.inference_mode():
        ...     torch.allclose(optimize_for_inference(net).fuse(*pair), net.fuse(*pair), atol=1e-5)
        True
    """
    model = copy.deepcopy(model).eval().requires_grad_(False)
    uses = Counter(id(module) for _, module in model.named_modules(remove_duplicate=False))
    for module in list(model.modules()):
        if type(module).forward is nn.Sequential.forward:
            _simplify(module, uses)
        elif isinstance(module, ConvModule):
            _fold_conv_module(module, uses)
        for name, child in module.named_children():
            if fusible(child):
                setattr(module, name, FusedDistillationCell(child))
    for module in () if needs_contiguous(model) else list(model.modules()):
        if isinstance(module, nn.Conv2d) and max(module.in_channels, module.out_channels) >= _WIDE:
            module.to(memory_format=torch.channels_last)
    if compile:
        for part in _parts(model):
            part.compile(options={'freezing': True})
    return model


def use_bfloat16(module: nn.Module, method: str) -> None:
    """Let a method of a module compute in mixed precision with bfloat16, and return float32 all the same.

    Args:
        module: Module, which is changed.
        method: Its name; it returns tensors, alone or in tuples, lists and dicts.

    Example:
        >>> net = MODELS.build(dict(type='TIMFusion', genotype='tim-light')).eval()
        >>> use_bfloat16(net, 'images')
        >>> net.images(dict(visible=torch.rand(1, 3, 61, 83), infrared=torch.rand(1, 1, 61, 83)))['image'].dtype
        torch.float32
    """
    function, device = getattr(module, method), next(module.parameters(), torch.empty(0)).device.type

    @wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        with torch.autocast(device, torch.bfloat16):
            return tree_map_only(Tensor, lambda x: x.float() if x.is_floating_point() else x, function(*args, **kwargs))

    setattr(module, method, run)


def merge_convs(first: nn.Conv2d, second: nn.Conv2d) -> nn.Conv2d:
    """Return the one convolution that equals ``first`` followed by the 1 x 1 convolution ``second``.

    Exact at the border as well, whatever the padding of ``first``: ``second`` looks at one position at a time.

    Shape:
        Weights ``M x I x K x K`` and ``O x M x 1 x 1`` give ``O x I x K x K``.
    """
    weight = second.weight.flatten(1)
    merged = nn.Conv2d(
        first.in_channels, second.out_channels, first.kernel_size, first.stride, first.padding, first.dilation,
        padding_mode=first.padding_mode, device=weight.device, dtype=weight.dtype,
    )
    merged.weight = nn.Parameter(torch.einsum('om,mikl->oikl', weight, first.weight), requires_grad=False)
    merged.bias = nn.Parameter(weight @ _bias(first) + _bias(second), requires_grad=False)
    return merged.eval()


def _bias(conv: nn.Conv2d) -> Tensor:
    return conv.weight.new_zeros(conv.out_channels) if conv.bias is None else conv.bias


def _simplify(sequence: nn.Sequential, uses: Counter) -> None:
    """Let one module do the work of two neighbours; the other becomes an identity: places keep their numbers."""
    last = None
    numbered = all(name.isdigit() for name in sequence._modules)  # with names it may be a list, as in LRASPPHead
    for place, module in enumerate(sequence):
        before = None if last is None else sequence[last]
        if _foldable(before, module, uses):
            sequence[last], sequence[place] = fuse_conv_bn_eval(before, module), nn.Identity()
        elif numbered and _mergeable(before, module, uses):
            sequence[last], sequence[place] = merge_convs(before, module), nn.Identity()
        elif not isinstance(module, nn.Identity):
            last = place
        if type(before) is nn.Conv2d and isinstance(module, nn.PReLU) and module.num_parameters == 1:
            # Its input is the convolution's own output, which nothing else reads.
            sequence[place] = nn.LeakyReLU(module.weight.item(), inplace=True)


def _fold_conv_module(module: ConvModule, uses: Counter) -> None:
    plain = module.order[:2] == ('conv', 'norm') and not module.with_spectral_norm
    if plain and _foldable(module.conv, module.norm, uses):
        module.conv = fuse_conv_bn_eval(module.conv, module.norm)
        setattr(module, module.norm_name, nn.Identity())


def _foldable(conv: nn.Module | None, norm: nn.Module | None, uses: Counter) -> bool:
    """Whether ``norm`` is the fixed BatchNorm of ``conv`` alone: one used in several places keeps its weights."""
    pair = type(conv) is nn.Conv2d and type(norm) is nn.BatchNorm2d
    return pair and norm.running_mean is not None and uses[id(conv)] <= 1


def _mergeable(first: nn.Module | None, second: nn.Module, uses: Counter) -> bool:
    """Whether ``second`` is a 1 x 1 convolution right after ``first`` that makes no more channels of what it gets."""
    return (
        type(first) is nn.Conv2d and type(second) is nn.Conv2d and first.groups == second.groups == 1
        and second.kernel_size == second.stride == (1, 1) and second.padding == (0, 0)
        and second.out_channels <= second.in_channels and uses[id(first)] <= 1
    )


def _parts(model: nn.Module) -> Iterator[nn.Module]:
    """Yield the parts of a network that run as modules of their own: its children, those of a list one by one."""
    for name, child in model.named_children():
        if isinstance(child, nn.ModuleList):
            yield from child
        elif name != 'data_preprocessor':
            yield child
