"""Networks that stand for the solution of one level in the other."""
from __future__ import annotations

from torch import nn

from mmfusenas.core.errors import StateError


class Proxy(nn.Module):
    r"""Mixin of the networks :math:`H_\theta` that predict what one level of a bilevel problem would answer.

    The optimistic bilevel problem of the adaptive hyper-guidance has the guidance sigma as its inner variable: a
    solution for every image and every state of the restoration. A proxy predicts it, and its parameters theta are
    learned in its place, in alternation with the network that it guides. They are therefore variables of a
    :class:`BilevelSearchHook`, as the ``alpha`` of a :class:`Choice`: with ``requires_grad=False`` and no ``.grad``, so
    that neither the optimizer of the weights nor DistributedDataParallel sees them. No search decides it
    (``is_fixed`` is one that stays as it is), and a genotype does not mention it: it is a network, and its parameters
    are in the ``state_dict``.

    As with the others, to train beside a proxy that nothing teaches is an error. Constructors end with
    ``self.requires_grad_(False)``, and ``forward`` begins with :meth:`check_trained`.

    Raises:
        RuntimeError: In training mode, unless it is :meth:`relaxed <relax>`.
    """

    relaxed, is_fixed = False, False

    def relax(self) -> None:
        """Leave the parameters to the upper level."""
        self.relaxed = True

    def check_trained(self) -> None:
        """Raise a RuntimeError where the network trains, and the proxy does not."""
        if self.training and not self.relaxed and not self.is_fixed:
            raise StateError(f'Nothing trains this {type(self).__name__}: its parameters are of the upper level. '
                             'Learn them with BilevelSearchHook '
                             "(phases=dict(proxies=dict(choices='proxy', ...))), freeze it (proxy=dict(..., "
                             'frozen=True)), or build the model without proxy=.')
