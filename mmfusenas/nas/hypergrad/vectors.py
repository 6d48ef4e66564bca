"""Arithmetic on lists of tensors seen as one long vector, and its average over the ranks."""
from collections.abc import Sequence

import torch
from torch import Tensor
from torch import distributed as dist


def fill(tensors: Sequence[Tensor | None], like: Sequence[Tensor]) -> list[Tensor]:
    """Put zeros shaped like the parameter where a gradient is ``None``."""
    return [torch.zeros_like(other) if tensor is None else tensor for tensor, other in zip(tensors, like)]


def dot(first: Sequence[Tensor], second: Sequence[Tensor]) -> Tensor:
    """Inner product of two lists of tensors, a scalar tensor."""
    return torch.stack([torch.dot(a.flatten(), b.flatten()) for a, b in zip(first, second)]).sum()


def norm(tensors: Sequence[Tensor]) -> Tensor:
    """Euclidean norm of a list of tensors, a scalar tensor."""
    return torch.linalg.vector_norm(torch.stack(torch._foreach_norm(list(tensors))))


def add(first: Sequence[Tensor], second: Sequence[Tensor], scale: float | Tensor = 1.0) -> list[Tensor]:
    """``first + scale * second``."""
    return list(torch._foreach_add(list(first), torch._foreach_mul(list(second), scale)))


def mean(samples: Sequence[tuple[Tensor, list[list[Tensor | None]]]]) -> tuple[Tensor, list[list[Tensor | None]]]:
    """Mean of losses and of their gradients in groups; ``None`` where no sample has a gradient."""
    def middle(tensors: Sequence[Tensor | None]) -> Tensor | None:
        used = [tensor for tensor in tensors if tensor is not None]
        return sum(used) / len(tensors) if used else None

    losses, groups = zip(*samples)
    if len(losses) == 1:
        return losses[0], groups[0]
    return middle(losses), [[middle(column) for column in zip(*group)] for group in zip(*groups)]


def mean_cosine(vectors: Sequence[Sequence[Tensor]]) -> Tensor:
    """Mean cosine over the pairs of several lists of tensors, -1 to 1: 0 where they have nothing in common."""
    lengths = [norm(vector).clamp_min(torch.finfo(vector[0].dtype).tiny) for vector in vectors]
    pairs = [(i, j) for j in range(len(vectors)) for i in range(j)]
    return sum(dot(vectors[i], vectors[j]) / lengths[i] / lengths[j] for i, j in pairs) / len(pairs)


def is_distributed() -> bool:
    """Whether this process is one of several of a distributed run."""
    return dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1


def average(tensors: Sequence[Tensor | None], like: Sequence[Tensor]) -> list[Tensor | None]:
    """Mean over the ranks of a distributed run, in one reduction; the tensors themselves when there is one rank.

    Args:
        tensors: Gradients of this rank, ``None`` where a parameter was not used.
        like: The parameters, which give shapes and types.

    Returns:
        The means. A gradient stays ``None`` only where no rank used the parameter, so that all ranks agree.
    """
    if not is_distributed():
        return list(tensors)
    pieces = [tensor.detach().flatten() for tensor in fill(tensors, like)]
    used = pieces[0].new_tensor([tensor is not None for tensor in tensors])
    flat = torch.cat([*pieces, used])
    dist.all_reduce(flat)
    flat /= dist.get_world_size()
    *means, used = flat.split([piece.numel() for piece in (*pieces, used)])
    return [mean.view(other.shape).to(other.dtype) if flag else None
            for mean, other, flag in zip(means, like, used.tolist())]
